"""A page of a result as the fields of its JSON, wherever the result lies.

The API reads pages from its database, `ilios bulk` has those of a conversion. Long texts are read
while they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

from ilios.engines import registry
from ilios.engines.image_references import addressed
from ilios.engines.json_pieces import Fields, Text, json_or_text
from ilios.engines.page_details import ImageDetails, PageDetails
from ilios.engines.page_structure import Block, Table, Word
from ilios.engines.page_text import PIECE_MAX_CHARACTERS

_NOTHING_TOLD: Final = ImageDetails()


class ShownPage(Protocol):
    """A page of a result with what is known of it beside its Markdown."""

    width: float | None  #: in points, or pixels when `dpi` is set
    height: float | None
    dpi: int | None
    confidence: float | None
    details: PageDetails

    @property
    def number(self) -> int:
        """Its place in the original, from 1."""
        ...

    @property
    def images(self) -> Sequence[dict[str, Any]]:
        """Its images, each with `name` and `bbox`."""
        ...

    @property
    def image_names(self) -> frozenset[str]: ...

    @property
    def has_blocks(self) -> bool:
        """Whether blocks were made of it, and were asked for with the page."""
        ...

    def pieces(self) -> Iterator[str]:
        """Yield its Markdown."""
        ...

    def text(self, start: int, end: int) -> Iterator[str]:
        """Yield the characters of its Markdown in a range."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Yield its blocks in reading order."""
        ...

    def words(self) -> Iterator[Word]:
        """Yield its words, if they were asked for at its conversion."""
        ...


class PageFields:
    """Makes the fields of pages, with links to their images in a folder."""

    def __init__(
        self, model: str | None, image_folder: str, *, with_blocks: bool, with_words: bool
    ) -> None:
        self._engine = _engine(model)
        self._folder = image_folder
        self._with_blocks = with_blocks
        self._with_words = with_words

    def of(self, page: ShownPage, warnings: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the fields of a page; `blocks` is None where they are wanted and were not made."""
        details = page.details
        fields: dict[str, Any] = {
            "number": page.number,
            "engine": self._engine,
            "markdown": Text(self._linked(page, page.pieces())),
            "width": page.width,
            "height": page.height,
            "unit": unit(page.width, page.dpi),
            "dpi": page.dpi,
            "confidence": page.confidence,
            "header": self._short(page, details.header),
            "footer": self._short(page, details.footer),
            "links": [{"text": link.text, "url": link.url} for link in details.links],
            "images": (self._image(image, details) for image in page.images),
            "tables": (self._table(page, table) for table in details.tables),
            "warnings": warnings,
        }
        if self._with_blocks:
            blocks = (self._block(page, block) for block in page.blocks())
            fields["blocks"] = blocks if page.has_blocks else None
        if self._with_words:
            fields["words"] = (
                {"text": word.text, "confidence": word.confidence, "bbox": word.box}
                for word in page.words()
            )
        return fields

    def _image(self, image: dict[str, Any], details: PageDetails) -> Fields:
        name: str = image["name"]
        told = details.images.get(name, _NOTHING_TOLD)
        return Fields(
            {
                "name": name,
                "url": self._folder + name,
                "bbox": image["bbox"],
                "caption": told.caption,
                "annotation": json_or_text(told.annotation),
            }
        )

    def _table(self, page: ShownPage, table: Table) -> Fields:
        text = self._text(page, table)
        is_html = table.format == "html"
        return Fields(
            {
                "id": table.id,
                "markdown": None if is_html else text,
                "html": text if is_html else None,
                "bbox": table.box,
            }
        )

    def _block(self, page: ShownPage, block: Block) -> Any:
        text = self._text(page, block)
        fields = {
            "type": block.type,
            "text": text,
            "bbox": block.box,
            "level": block.level,
            "confidence": block.confidence,
            "tableId": block.table_id,
            "imageName": block.image_name,
        }
        return fields if isinstance(text, str) else Fields(fields)

    def _text(self, page: ShownPage, part: Block | Table) -> str | Text | None:
        """Return the text of a part of a page: a long one is read while it is sent."""
        if part.text is not None:
            return self._short(page, part.text)
        pieces = self._linked(page, page.text(part.start, part.end))
        is_long = part.end - part.start > PIECE_MAX_CHARACTERS
        return Text(pieces) if is_long else "".join(pieces)

    def _short(self, page: ShownPage, text: str | None) -> str | None:
        return text and "".join(self._linked(page, [text]))

    def _linked(self, page: ShownPage, pieces: Iterable[str]) -> Iterator[str]:
        return addressed(pieces, page.image_names, lambda name: (self._folder + name,))


def unit(width: float | None, dpi: int | None) -> str | None:
    """Return what sizes and boxes of a page are measured in."""
    if dpi is not None:
        return "pixel"
    return None if width is None else "point"


def _engine(model: str | None) -> str | None:
    """Return which engine made a result; None when nobody knows."""
    if model is None:
        return None
    return registry.EMBEDDED if model == registry.EMBEDDED else registry.MISTRAL
