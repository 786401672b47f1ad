"""The cells of a table, row by row, for dialects that have them apart.

A table comes in pieces, of which a part is held at a time. Of a cell that spans several fields the
text stands once, in the first of them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ilios.engines.markdown_parts import Part, parts
from ilios.engines.plain_text import plain_text

SPAN_MAX: Final = 200  #: of an HTML table, in columns or rows
OPEN_SPANS_MAX: Final = 100
"""Cells that reach into rows below them, at once; others are as if they did not."""
_TAG: Final = re.compile(r"<(/?)(table|tr|td|th)(?=[\s/>])([^<>]*+)>", re.IGNORECASE)
_ANY_TAG: Final = re.compile(r"<[^<>]*+>")
_IS_HTML: Final = re.compile(r"\s*+<table(?=[\s/>])", re.IGNORECASE)
_SPANS: Final = re.compile(r"(col|row)span\s*+=\s*+[\"']?(\d{1,4})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell; rows and columns count from 0."""

    row: int
    column: int
    text: str  #: plain, on one line
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False


def rows(pieces: Iterable[str]) -> Iterator[list[Cell]]:
    """Yield the cells of a table in Markdown or HTML, which comes in pieces."""
    return rows_of(parts(pieces))


def rows_of(found: Iterable[Part]) -> Iterator[list[Cell]]:
    """Yield the cells of the parts that a table was divided into."""
    table = TableRows()
    for part in found:
        yield from table.more(part)
    yield from table.end()


class TableRows:
    """Reads a table by the parts that it was divided into."""

    def __init__(self) -> None:
        self._table: _HtmlTable | _MarkdownTable | None = None

    def more(self, part: Part) -> Iterator[list[Cell]]:
        """Yield the rows that end in the next part."""
        if self._table is None:
            self._table = _HtmlTable() if _IS_HTML.match(part.text) else _MarkdownTable()
        return self._table.more(part.text)

    def end(self) -> Iterator[list[Cell]]:
        """Yield a row that nothing has ended."""
        return iter(()) if self._table is None else self._table.end()


class _MarkdownTable:
    """Reads the rows that `format=text` shows, which parts cells by tabs."""

    def __init__(self) -> None:
        self._count = 0
        self._columns = 0

    def more(self, text: str) -> Iterator[list[Cell]]:
        begun = text.replace("\t", " ")
        if self._count:  # what continues a table is one below a head only
            begun = f"{'|x' * self._columns}|\n{'|-' * self._columns}|\n{begun}"
        lines = plain_text(begun).split("\n")
        for line in lines[1 if self._count else 0 :]:
            texts = line.split("\t")
            self._columns = self._columns or len(texts)
            is_header = not self._count
            yield [
                Cell(self._count, column, cell, is_header=is_header)
                for column, cell in enumerate(texts)
            ]
            self._count += 1

    def end(self) -> Iterator[list[Cell]]:
        yield from ()


@dataclass(slots=True)
class _OpenCell:
    column_span: int
    row_span: int
    is_header: bool
    texts: list[str] = field(default_factory=list)


class _HtmlTable:
    """Reads tags; a table inside of a cell is text of it."""

    def __init__(self) -> None:
        self._depth = 0
        self._number = 0  #: of the row that is being read
        self._row: list[Cell] = []
        self._cell: _OpenCell | None = None
        self._column = 0  #: behind the last cell of the row
        self._spans: list[tuple[int, int, int]] = []  #: first and last column, last row; they rise
        self._next_span = 0  #: the first that is not left of the column

    def more(self, text: str) -> Iterator[list[Cell]]:
        place = 0
        for tag in _TAG.finditer(text):
            if self._cell:
                self._cell.texts.append(text[place : tag.start()])
            place = tag.end()
            yield from self._read(tag[2].lower(), tag[3], is_end=bool(tag[1]))
        if self._cell:
            self._cell.texts.append(text[place:])

    def end(self) -> Iterator[list[Cell]]:
        """Yield what was not ended."""
        self._close_cell()
        yield from self._close_row()

    def _read(self, name: str, attributes: str, *, is_end: bool) -> Iterator[list[Cell]]:
        if name == "table":
            self._depth += -1 if is_end else 1
            if not self._depth:
                yield from self.end()
        elif self._depth == 1:
            self._close_cell()
            if name == "tr":
                yield from self._close_row()
            elif not is_end:
                spans = {kind.lower(): int(count) for kind, count in _SPANS.findall(attributes)}
                self._cell = _OpenCell(
                    min(spans.get("col", 1) or 1, SPAN_MAX),
                    min(spans.get("row", 1) or 1, SPAN_MAX),
                    name == "th",
                )
        if self._depth != 1 and self._cell:
            self._cell.texts.append(" ")

    def _close_cell(self) -> None:
        cell, self._cell = self._cell, None
        if cell is None:
            return
        while self._next_span < len(self._spans):
            first, last, until = self._spans[self._next_span]
            if until >= self._number and first > self._column:
                break
            self._column = max(self._column, last + 1) if until >= self._number else self._column
            self._next_span += 1
        shown = html.unescape(_ANY_TAG.sub(" ", "".join(cell.texts)))
        self._row.append(
            Cell(
                self._number,
                self._column,
                " ".join(shown.split()),
                cell.row_span,
                cell.column_span,
                cell.is_header,
            )
        )
        self._column += cell.column_span

    def _close_row(self) -> Iterator[list[Cell]]:
        if not self._row:
            return
        kept = [span for span in self._spans if span[2] > self._number]
        for cell in self._row:
            if cell.row_span > 1 and len(kept) < OPEN_SPANS_MAX:
                last = cell.column + cell.column_span - 1
                kept.append((cell.column, last, self._number + cell.row_span - 1))
        self._spans = sorted(kept)
        yield self._row
        self._row = []
        self._number += 1
        self._column = self._next_span = 0
