"""A result as Unstructured's chunks: composite elements, cut as our own chunks are.

Their text is Markdown, so that a table stays one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import Any, Final
from uuid import uuid4

from ilios.api.dialects.unstructured.elements import ElementFields, about, element_id
from ilios.api.responses.chunk_lines import sections
from ilios.documents.chunks import Chunk, Section, chunks
from ilios.documents.queries import Result

SIZE: Final = 500  #: characters, unless a client asks for another number; Unstructured's own
IMAGES: Final = ""  #: before the name of an image: their bytes do not come with chunks


@dataclass(frozen=True, slots=True)
class Cutting:
    """How a result is cut into chunks."""

    size: int = SIZE
    overlap: int = 0
    at_titles: bool = True
    at_pages: bool = False


def composites(found: Result, shape: ElementFields, cutting: Cutting) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a result. What all of them say is read before the first is asked for."""
    return _elements(found, shape, cutting, about(found))


def _elements(
    found: Result, shape: ElementFields, cutting: Cutting, told: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    for number, chunk in enumerate(_cut(sections(found, IMAGES), cutting)):
        page = chunk.pages[0] + shape.starting_page_number - 1
        what = f"{page} {number} {chunk.text}"
        yield {
            "type": "CompositeElement",
            "element_id": str(uuid4()) if shape.unique_ids else element_id(found, what),
            "text": chunk.text,
            "metadata": {**told, "page_number": page},
        }


def _cut(found: Iterator[Section], cutting: Cutting) -> Iterator[Chunk]:
    groups: Iterable[Iterator[Section]] = (
        (group for _, group in groupby(found, attrgetter("page"))) if cutting.at_pages else (found,)
    )
    for group in groups:
        wanted = group if cutting.at_titles else map(_without_title, group)
        yield from chunks(wanted, cutting.size, cutting.overlap)


def _without_title(section: Section) -> Section:
    """Return a section at which no chunk begins."""
    if section.part.type != "title":
        return section
    return replace(section, part=replace(section.part, type="text", level=None))
