"""Passages of a document for retrieval: what the loaders for other frameworks give."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from ilios.client.answers import Accepted
from ilios.client.fields import Conversion
from ilios.client.synchronous import Ilios
from ilios.client.uploads import File

Mode = Literal["page", "chunk", "document"]
_URL: Final = re.compile(r"https?://", re.IGNORECASE)
OF_PAGE = ("width", "height", "unit", "confidence")
OF_BLOCK = ("type", "level", "bbox")


@dataclass(frozen=True, slots=True)
class Passage:
    """A page, a chunk or a whole document: its Markdown, and where it stands."""

    text: str
    metadata: dict[str, Any]


def require_mode(mode: str) -> None:
    """Raise ValueError for what is no mode."""
    if mode not in get_args(Mode):
        raise ValueError(f"mode is {mode!r}: choose one of {', '.join(get_args(Mode))}.")


def passages(
    client: Ilios, file: File, mode: Mode, fields: Conversion, *, file_name: str | None = None
) -> Iterator[Passage]:
    """Convert a file, or what the service finds at a URL, and yield its passages.

    The metadata of each has `document_id` and `file_name`. A page has its number as `page`, `width`
    and `height` in `unit`, `confidence`, and the `blocks` on it: `type`, `level` and `bbox` (left,
    top, right, bottom). A chunk has `pages`, `headings`, and its `bbox` if it stands on one page.
    Raises what `Ilios.convert` raises.
    """
    asked: dict[str, Any] = {"include": "blocks", **fields}
    accepted = _submitted(client, file, file_name, asked)
    ended = client.wait_for_result(accepted["id"])
    found = {"document_id": accepted["id"], "file_name": ended["fileName"]}
    if mode == "chunk":
        yield from _chunks(client, found)
    elif mode == "page":
        yield from _pages(client, found)
    else:
        yield Passage(client.result(accepted["id"]), found)


def _submitted(client: Ilios, file: File, file_name: str | None, asked: dict[str, Any]) -> Accepted:
    if isinstance(file, str) and _URL.match(file):
        return client.submit(url=file, **asked)
    return client.submit(file, file_name=file_name, **asked)


def _pages(client: Ilios, found: dict[str, Any]) -> Iterator[Passage]:
    result = client.result(found["document_id"], "json", include="blocks")
    for page in result["pages"]:
        blocks = [{name: block.get(name) for name in OF_BLOCK} for block in page["blocks"] or ()]
        known = {name: page.get(name) for name in OF_PAGE}
        yield Passage(
            page["markdown"], {**found, "page": page["number"], **known, "blocks": blocks}
        )


def _chunks(client: Ilios, found: dict[str, Any]) -> Iterator[Passage]:
    for line in client.result(found["document_id"], "chunks").splitlines():
        chunk = json.loads(line)
        known = {name: chunk[name] for name in ("index", "pages", "headings", "bbox")}
        yield Passage(chunk["text"], {**found, **known})
