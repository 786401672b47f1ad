"""What is to be made of a document beside its text: fields by a JSON Schema of the client's."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, astuple, dataclass
from enum import StrEnum
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class ExtractionTexts:
    """What a client sends: a schema for the document, one for each image, and how to fill them in.

    Schemas are JSON as `ilios.engines.json_schemas.checked` returns it.
    """

    schema: str | None = None
    image_schema: str | None = None
    instructions: str | None = None

    def request(self, owner: str = "") -> ExtractionRequest | None:
        """Return what asks for them; None when there is no schema."""
        if self.schema is None and self.image_schema is None:
            return None
        digest = hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()
        return ExtractionRequest(
            digest, self.schema is not None, self.image_schema is not None, self, owner
        )


@dataclass(frozen=True, slots=True)
class ExtractionRequest:
    """What a document is stored with: its texts, which may be long, are stored apart."""

    digest: str  #: of all texts: SHA-256, hex
    of_document: bool
    of_images: bool
    texts: ExtractionTexts | None = None  #: as far as they are loaded
    owner: str = ""  #: of the document, known with its texts: what comes is checked in its turn

    def as_json(self) -> dict[str, Any]:
        """Return what is stored of it, as `ExtractionRequest` is made of."""
        fields = asdict(self)
        return {name: fields[name] for name in ("digest", "of_document", "of_images")}


class Fit(StrEnum):
    """How an answer goes with its schema."""

    FITS = "fits"
    DIFFERS = "differs"
    NO_JSON = "no_json"
    SLOW = "slow"  #: not known: to look takes too much processor time
    LARGE = "large"  #: not known: to look takes too much memory
    ENDLESS = "endless"  #: not known: references lead in a circle, or too deep
    UNUSABLE = "unusable"  #: not known: what looks cannot apply the schema
    BUSY = "busy"  #: not known: others' answers, and the owner's own, were compared all the time
    LATE = "late"  #: not known: the time for a call was over
    CRASHED = "crashed"  #: not known: the child that looked has died, and the next one too


class Check(NamedTuple):
    """What is known of an answer; `path` is a JSON pointer to where it differs."""

    fit: Fit
    path: str = ""
