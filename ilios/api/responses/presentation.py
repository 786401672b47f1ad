"""How a client wants a result shown: what changes neither the conversion nor what is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, Final

from ilios.api.responses.conditional import ETAG_BYTES
from ilios.api.schemas.requests import BLOCKS, HTML
from ilios.api.schemas.shown import FORMATS
from ilios.core.request_errors import InvalidChunkSize, OptionUnavailable
from ilios.documents import chunks

PDF: Final = "pdf"
SHOW_BLOCKS: Final = ("json", "zip")
_FORMS_WITH: Final = {
    "include": SHOW_BLOCKS,
    "front_matter": ("markdown", "json", "zip"),
    "page_separator": ("markdown", "json", "text", "zip"),
    "embed_images": ("html",),
    "chunk_size": ("chunks",),
    "chunk_overlap": ("chunks",),
    "shown_pages": tuple(form for form in FORMATS if form != PDF),
}
"""The forms of a result in which an option has a meaning."""
_NAMES: Final = {
    "front_matter": "frontMatter",
    "page_separator": "pageSeparator",
    "embed_images": "embedImages",
    "chunk_size": "chunkSize",
    "chunk_overlap": "chunkOverlap",
    "shown_pages": "pages",
}
_STAMPS: Final = {"json": "json-pages"}
"""JSON once had no pages: what clients have from then is not what they would get now."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """A form of a result, and what a client may choose of it."""

    form: str = "markdown"
    include_blocks: bool = False
    include_html: bool = False
    front_matter: bool = False
    page_separator: str | None = None  #: None for that of the form
    embed_images: bool = False
    chunk_size: int = chunks.SIZE
    chunk_overlap: int = 0

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Presentation:
        """Return what the fields of a request say.

        Raises OptionUnavailable for one that the form does not have, and InvalidChunkSize.
        """
        form: str = fields["format"]
        for field, forms in _FORMS_WITH.items():
            if fields.get(field) and form not in forms:
                raise OptionUnavailable(
                    f"{_NAMES.get(field, field)} is for format={', '.join(forms)}, and this is "
                    f"format={form}. Leave it out."
                )
        size = fields.get("chunk_size") or chunks.SIZE
        overlap = fields.get("chunk_overlap") or 0
        if overlap * 2 >= size:
            below = f"below half of chunkSize ({size})"
            raise InvalidChunkSize("chunkOverlap", overlap, below, InvalidChunkSize.code)
        return cls(
            form,
            include_blocks=fields.get("include") == BLOCKS,
            include_html=fields.get("include") == HTML,
            front_matter=fields.get("front_matter", False),
            page_separator=fields.get("page_separator"),
            embed_images=fields.get("embed_images", False),
            chunk_size=size,
            chunk_overlap=overlap,
        )

    @property
    def stamp(self) -> str:
        """Return what tells answers for one result apart, for their ETags."""
        stamp = _STAMPS.get(self.form, self.form)
        if self == Presentation(self.form):
            return stamp
        digest = hashlib.blake2b(repr(astuple(self)).encode(), digest_size=ETAG_BYTES)
        return f"{stamp}-{digest.hexdigest()}"
