"""A result as Unstructured's elements: one for each block of a page, or each item of a list."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from ilios.api.dialects.unstructured.languages import three_letters_of
from ilios.api.responses.page_blocks import PageBlock, blocks_of
from ilios.api.responses.streaming import in_base64, opened_image
from ilios.api.services import services
from ilios.documents.queries import Result
from ilios.documents.result_pages import StructuredPage
from ilios.engines.base import DocumentInfo
from ilios.engines.json_pieces import Fields, Text
from ilios.engines.page_structure import BlockType, Box
from ilios.storage.base import ObjectStore

_TYPES: Final[dict[BlockType, str]] = {
    "title": "Title",
    "table": "Table",
    "image": "Image",
    "equation": "Formula",
    "code": "CodeSnippet",
}
"""Of blocks; those of all others are NarrativeText, and the items of lists are ListItem."""
_ID_CHARACTERS: Final = 32
_ID_BEGINNING: Final = 1_000  #: characters of an element that its id depends on


@dataclass(frozen=True, slots=True)
class ElementFields:
    """What a client may choose of the elements."""

    starting_page_number: int = 1  #: that of the first page of what was sent
    coordinates: bool = False
    page_breaks: bool = False
    unique_ids: bool = False
    images: bool = False  #: whether pictures stand in their elements, in base64


class Elements:
    """Makes the elements of a result; made within the request."""

    def __init__(self, found: Result, shape: ElementFields) -> None:
        self._found = found
        self._shape = shape
        self._store: ObjectStore | None = services().store if shape.images else None
        self._about = about(found)
        self._titles: list[tuple[int, str]] = []  #: levels and ids, of those that are open

    def __iter__(self) -> Iterator[Fields]:
        is_first = True
        for page in self._found.structured_pages(with_blocks=True):
            if self._shape.page_breaks and not is_first:
                yield self._fields("PageBreak", self._id(page, -1, ""), "", self._metadata(page))
            is_first = False
            for place, block in enumerate(blocks_of(page)):
                yield from self._of_block(page, place, block)

    def _of_block(self, page: StructuredPage, place: int, block: PageBlock) -> Iterator[Fields]:
        if block.type == "list":
            yield from self._items(page, place, block)
            return
        text = self._text(page, block)
        if text == "" and not (block.type == "image" and self._store):
            return  # it shows nothing: a rule, a comment, a picture without a word
        element_id = self._id(page, place, block.beginning(_ID_BEGINNING))
        metadata = self._metadata(page, block.box)
        if block.type == "title":
            level = block.level or 1
            self._titles = [entry for entry in self._titles if entry[0] < level]
            metadata["category_depth"] = level - 1
        if self._titles:
            metadata["parent_id"] = self._titles[-1][1]
        if block.type == "title":
            self._titles.append((level, element_id))
        elif block.type == "table":
            metadata["text_as_html"] = block.html()
        elif block.type == "image":
            metadata |= self._image(page, block.image_name)
        yield self._fields(_TYPES.get(block.type, "NarrativeText"), element_id, text, metadata)

    def _items(self, page: StructuredPage, place: int, block: PageBlock) -> Iterator[Fields]:
        for number, item in enumerate(block.items()):
            metadata = self._metadata(page, block.box)
            if self._titles:
                metadata["parent_id"] = self._titles[-1][1]
            element_id = self._id(page, place, f"{number} {item[:_ID_BEGINNING]}")
            yield self._fields("ListItem", element_id, item, metadata)

    def _text(self, page: StructuredPage, block: PageBlock) -> str | Text:
        if block.type != "image":
            return block.plain()
        told = page.details.images.get(block.image_name or "")
        return block.plain() or (told.caption if told else None) or ""

    def _metadata(self, page: StructuredPage, box: Box | None = None) -> dict[str, Any]:
        metadata = {
            **self._about,
            "page_number": page.number + self._shape.starting_page_number - 1,
        }
        if self._shape.coordinates and box and page.width and page.height:
            left, top, right, bottom = box
            metadata["coordinates"] = {
                "points": [[left, top], [left, bottom], [right, bottom], [right, top]],
                "system": "PixelSpace",  # from the top left corner, whatever the unit
                "layout_width": page.width,
                "layout_height": page.height,
            }
        return metadata

    def _image(self, page: StructuredPage, name: str | None) -> dict[str, Any]:
        image = next((image for image in page.images if image["name"] == name), None)
        if self._store is None or image is None:
            return {}
        pieces = _base64(self._store, image["key"])
        return {"image_mime_type": image["mediaType"], "image_base64": Text(pieces)}

    def _id(self, page: StructuredPage, place: int, beginning: str) -> str:
        if self._shape.unique_ids:
            return str(uuid4())
        number = page.number + self._shape.starting_page_number - 1
        return element_id(self._found, f"{number} {place} {beginning}")

    @staticmethod
    def _fields(kind: str, element_id: str, text: str | Text, metadata: dict[str, Any]) -> Fields:
        return Fields(
            {"type": kind, "element_id": element_id, "text": text, "metadata": Fields(metadata)}
        )


def about(found: Result) -> dict[str, Any]:
    """Return what all elements of a result have in their metadata."""
    info = found.source().info or DocumentInfo()
    language = three_letters_of(info.language)
    return {
        "filename": found.document.file_name,
        "filetype": found.document.mime_type,
        **({"languages": [language]} if language else {}),
    }


def element_id(found: Result, what: str) -> str:
    """Return the id of an element: the same each time that the file is sent under its name."""
    told = f"{found.document.file_name} {what}".encode()
    return hashlib.sha256(told).hexdigest()[:_ID_CHARACTERS]


def _base64(store: ObjectStore, key: str) -> Iterator[str]:
    """Yield a picture in base64; nothing of one that is not stored any more."""
    with opened_image(store, key) as file:
        if file is not None:
            yield from in_base64(file)
