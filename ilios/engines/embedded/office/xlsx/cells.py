"""Reading the cells of a sheet, one by one: only those with content take memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import IO, Final

from lxml import etree

from ilios.engines.embedded import limits, markdown, output_limits
from ilios.engines.embedded.archive import attribute, local_name
from ilios.engines.embedded.office.xlsx.formulas import column_number, moved
from ilios.engines.embedded.office.xlsx.package import elements, text_of, unescaped
from ilios.engines.embedded.office.xlsx.sheet import Grid
from ilios.engines.embedded.office.xlsx.values import Value, Values

CELLS_READ_MAX: Final = 20_000_000
"""Cells of a sheet that are looked at, most of them without content."""
LINKED_CELLS_MAX: Final = 10_000
"""Cells of one link, which may be meant for a whole column."""
ALL_LINKED_CELLS_MAX: Final = 1_000_000
"""Cells of all links of a sheet."""
FORMULA_MAX_CHARACTERS: Final = 8_192
"""As many as Excel allows; a longer one is not written anew for cells that share it."""

_PLACE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_LINK_FORMULA = re.compile(r'\s*(?:_xlfn\.)?HYPERLINK\(\s*"((?:[^"]|"")*+)"\s*[,)]', re.IGNORECASE)
_HEADERS = (
    "oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter",
)  # fmt: skip
_TAGS = ("c", "row", "hyperlink", "control", *_HEADERS)

Place = tuple[int, int]
"""Row and column, from 1."""


@dataclass(frozen=True, slots=True)
class _Formula:
    """A formula that cells share, the place for which it is written, and its address if any."""

    text: str
    place: Place
    link: str | None


@dataclass(slots=True)
class Cells:
    """What the part of a sheet holds."""

    grid: Grid = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)  #: plain, of all cells that hold text
    headers: list[str] = field(default_factory=list)  #: and footers, with their codes
    links: list[tuple[str, str]] = field(default_factory=list)  #: cells, id of the relationship
    targets: dict[Place, str] = field(default_factory=dict)  #: of formulas that are links
    pictures: dict[Place, int] = field(default_factory=dict)  #: number of the value's metadata
    controls: dict[str, str] = field(default_factory=dict)  #: id of the relationship, by shape
    is_whole: bool = True


class SheetReader:
    """Reads the part of one sheet."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._characters = 0
        self._cells = Cells()
        self._formulas: dict[str, _Formula] = {}
        self._row = 1
        self._column = 0
        self._count = 0

    def read(self, stream: IO[bytes], *, repaired: bool = False) -> Cells:
        """Return what a sheet holds. Raises DocumentTooLarge, XMLSyntaxError, IndexError."""
        for element in elements(stream, *(f"{{*}}{tag}" for tag in _TAGS), repaired=repaired):
            name = local_name(element)
            if name == "c":
                if not self._read_cell(element):
                    self._cells.is_whole = False
                    break
            elif name == "row":
                self._row, self._column = _row_number(element, self._row) + 1, 0
            elif name == "hyperlink":
                link = attribute(element, "id")
                if link:
                    self._cells.links.append((element.get("ref", ""), link))
            elif name == "control":
                self._cells.controls[element.get("shapeId", "")] = attribute(element, "id") or ""
            elif element.text:
                self._cells.headers.append(element.text)
        return self._cells

    def _read_cell(self, cell: etree._Element) -> bool:
        """Add a cell; return whether there is room for more."""
        self._count += 1
        place = self._place(cell)
        self._column = place[1]
        if len(cell):
            value = self._value(cell, place)
            if value.text:
                self._cells.texts.append(value.text)
            if value.shown:
                self._cells.grid[place] = value.shown
            self._characters += max(len(value.shown), len(value.text))
        output_limits.refuse_page_of(self._characters)
        return len(self._cells.grid) <= limits.SHEET_MAX_CELLS and self._count <= CELLS_READ_MAX

    def _place(self, cell: etree._Element) -> Place:
        match = _PLACE.fullmatch(cell.get("r", ""))
        if match:
            return int(match[2]), column_number(match[1])
        if not self._column:
            row = cell.getparent()
            self._row = self._row if row is None else _row_number(row, self._row)
        return self._row, self._column + 1

    def _value(self, cell: etree._Element, place: Place) -> Value:
        parts = {local_name(element): element for element in cell}
        kind, style, raw = cell.get("t", "n"), cell.get("s", ""), _text(parts.get("v"))
        if "f" in parts:
            has_result = bool(raw) or (kind == "str" and "v" in parts)
            formula = self._formula(parts["f"], place, is_shown=not has_result)
            if not has_result:  # not only Excel writes workbooks
                return Value(markdown.escaped(f"={formula}") if formula else "")
        if "is" in parts and not (raw and kind == "s"):
            text = text_of(parts["is"])
            return self._values.text(text.plain, text.markdown, style)
        if not raw:
            return Value("")
        if kind == "s":
            return self._values.shared(raw, style)
        number = cell.get("vm", "") if kind == "e" else ""
        if number.isdecimal() and len(number) <= 9:
            self._cells.pictures[place] = int(number)
        return self._values.other(kind, unescaped(raw) if kind == "str" else raw, style)

    def _formula(self, element: etree._Element, place: Place, *, is_shown: bool) -> str:
        """Return a formula, also of a cell that shares it with others if it is shown there."""
        text = (element.text or "").strip()
        shared = element.get("si") if element.get("t") == "shared" else None
        if shared is not None and text:
            self._formulas[shared] = _Formula(text, place, _linked(text))
        known = self._formulas.get(shared) if shared is not None else None
        link = known.link if known is not None else _linked(text)
        if link is not None:
            self._cells.targets[place] = link
        if known is None or text or not is_shown:
            return text
        if len(known.text) > FORMULA_MAX_CHARACTERS:
            return ""
        return moved(known.text, place[0] - known.place[0], place[1] - known.place[1])


def _linked(formula: str) -> str | None:
    """Return the address of a formula that is a link."""
    link = _LINK_FORMULA.match(formula)
    return link[1].replace('""', '"') if link else None


def linked_places(references: Iterable[tuple[str, str]]) -> Iterator[tuple[Place, str]]:
    """Iterate over the cells of links, as far as they are not too many, each with its target."""
    count = 0
    for reference, target in references:
        for place in _places(reference):
            yield place, target
            count += 1
        if count > ALL_LINKED_CELLS_MAX:
            return


def _places(reference: str) -> Iterator[Place]:
    """Iterate over the cells of a reference, such as `A1:B2`."""
    first, _, last = reference.partition(":")
    start, end = _PLACE.fullmatch(first), _PLACE.fullmatch(last or first)
    if not start or not end:
        return
    columns = range(column_number(start[1]), column_number(end[1]) + 1)
    rows = range(int(start[2]), int(end[2]) + 1)
    if len(columns) * len(rows) <= LINKED_CELLS_MAX:
        yield from product(rows, columns)


def _text(element: etree._Element | None) -> str:
    return "" if element is None else element.text or ""


def _row_number(row: etree._Element, otherwise: int) -> int:
    number = row.get("r", "")
    return int(number) if number.isdecimal() and len(number) <= 7 else otherwise
