"""The blocks of a page as the content of a result writes them: as plain text, or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ilios.api.dialects.table_rows import Cell, TableRows
from ilios.api.responses.image_links import linked
from ilios.documents.result_pages import StructuredPage
from ilios.engines.markdown_parts import Part, parts
from ilios.engines.page_structure import Block, BlockType
from ilios.engines.plain_text import plain_text

BLOCK_GAP: Final = "\n\n"
_BY_LINES: Final = ("table", "code")  #: are cut between their lines

Rows = tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class BlockText:
    """A block, or a part of a long one."""

    gap: str  #: what parts it from that before it
    text: str  #: nothing for a block that is only seen
    number: int  #: of its block on the page: parts of a long one have the same
    type: BlockType
    level: int | None  #: of a title
    block: Block | None  #: what is stored of it; None where blocks were not asked for
    is_whole: bool
    rows: Rows  #: of a table


def blocks(page: StructuredPage, image_folder: str, *, is_markdown: bool) -> Iterator[BlockText]:
    """Yield the blocks that stand in the Markdown of a page, in order.

    What was taken out of it, such as a header, has no place in the content.
    """
    writer = _Writer(page, image_folder, is_markdown=is_markdown)
    place = 0
    for block in _stored(page):
        if block is None:
            yield from writer.written(None, page.pieces(), BLOCK_GAP)
        elif block.end > block.start:
            gap = "".join(page.text(place, block.start)) if is_markdown else BLOCK_GAP
            yield from writer.written(block, page.text(block.start, block.end), gap)
            place = block.end


def _stored(page: StructuredPage) -> Iterator[Block | None]:
    """Yield the blocks of a page; None stands for all of a page that has none."""
    if page.has_blocks:
        yield from page.blocks()
    else:
        yield None


class _Writer:
    """Writes the parts of blocks one after the other."""

    def __init__(self, page: StructuredPage, image_folder: str, *, is_markdown: bool) -> None:
        self._page = page
        self._folder = image_folder
        self._is_markdown = is_markdown
        self._number = 0

    def written(self, block: Block | None, pieces: Iterator[str], gap: str) -> Iterator[BlockText]:
        """Yield the parts of a block, before the first of which a gap stands."""
        before: Part | None = None
        table = TableRows()
        for part in parts(pieces):
            continues = before is not None and _continues(before, part)
            if not continues:
                self._number += 1
                table = TableRows()
            if before is not None:
                gap = self._gap(before)
            kind = _type(block, part)
            rows = tuple(map(tuple, table.more(part))) if kind == "table" else ()
            yield self._part(block, part, kind, gap, rows)
            before = part
        rows = tuple(map(tuple, table.end()))
        if rows and before is not None:
            yield self._part(block, before, "table", "\n", rows, "" if self._is_markdown else None)

    def _part(
        self,
        block: Block | None,
        part: Part,
        kind: BlockType,
        gap: str,
        rows: Rows,
        text: str | None = None,
    ) -> BlockText:
        level = part.level if block is None or block.level is None else block.level
        shown = self._text(part, kind, rows) if text is None else text
        return BlockText(gap, shown, self._number, kind, level, block, part.is_whole, rows)

    def _text(self, part: Part, kind: BlockType, rows: Rows) -> str:
        if self._is_markdown:
            return "".join(linked([part.text.rstrip()], self._page.image_names, self._folder))
        if kind == "table":
            return "\n".join("\t".join(cell.text for cell in row) for row in rows).strip("\n")
        return plain_text(part.opening + part.text.rstrip() + part.closing).strip()

    def _gap(self, before: Part) -> str:
        """Return what stands behind a part of a block."""
        space = before.text[len(before.text.rstrip()) :]
        if self._is_markdown:
            return space
        if before.is_whole:
            return BLOCK_GAP
        return "\n" if before.type in _BY_LINES else space and " "


def _continues(before: Part, part: Part) -> bool:
    """Return whether a part goes on with the block of the one before."""
    return not (before.is_whole or part.is_whole) and before.type == part.type


def _type(block: Block | None, part: Part) -> BlockType:
    """Return the type that is stored, unless the text says more: a table may have a caption."""
    return part.type if block is None or block.type in ("text", "table") else block.type
