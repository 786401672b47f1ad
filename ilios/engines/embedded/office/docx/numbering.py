"""The numbers of lists and headings, counted as Word counts them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from lxml import etree

from ilios.engines.embedded import list_numbers, symbol_fonts
from ilios.engines.embedded.archive import attribute, child, children

LEVELS: Final = 9
PATTERN_MAX: Final = 255
"""Characters of a label's pattern: it is written once for each item."""
_PLACE = re.compile(r"%([1-9])")
_PLAIN = re.compile(r"(0|[1-9]\d{0,8})([.)]?)")
_SEPARATORS: Final = {"nothing": ""}  #: between a label and its text; else a space


@dataclass(frozen=True, slots=True)
class ListLevel:
    """How the items of a list are labelled at one depth."""

    format: str = "decimal"
    pattern: str | None = None  #: `%1.%2`; None for the number and a full stop
    start: int = 1
    restarts_after: int | None = None  #: the depth, from 1; 0: never; None: any lower depth
    is_legal: bool = False  #: all numbers of the label are written in digits
    separator: str = " "
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """What stands before the text of a list item or a numbered heading."""

    text: str
    separator: str = " "
    is_item: bool = True

    @property
    def marker(self) -> str | None:
        """Return the marker of a Markdown list that shows this label, None if there is none."""
        if not self.text:
            return "-"
        plain = _PLAIN.fullmatch(self.text)
        return f"{plain[1]}{plain[2] or '.'}" if plain and self.separator else None


@dataclass(slots=True)
class _Number:
    """A `w:num`: a use of an abstract list, with levels and starts of its own."""

    abstract: str
    levels: dict[int, ListLevel] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)
    due: set[int] = field(default_factory=set)  #: depths that have yet to start anew


class Numbering:
    """The lists of a document and how far they have been counted."""

    def __init__(self) -> None:
        self._abstract: dict[str, dict[int, ListLevel]] = {}
        self._numbers: dict[str, _Number] = {}
        self._counts: dict[str, list[int | None]] = {}

    @classmethod
    def of(
        cls, root: etree._Element | None, number_of_style: Callable[[str], str | None]
    ) -> Numbering:
        """Read `numbering.xml`; `number_of_style` gives the list of a list style."""
        numbering = cls()
        if root is None:
            return numbering
        links: dict[str, str] = {}
        for abstract in children(root, "abstractNum"):
            key = attribute(abstract, "abstractNumId") or ""
            numbering._abstract[key] = _levels(abstract)
            link = attribute(child(abstract, "numStyleLink"), "val")
            if link:
                links[key] = link
        for number in children(root, "num"):
            numbering._add(number)
        for key, style in links.items():
            target = numbering._numbers.get(number_of_style(style) or "")
            if target is not None and target.abstract != key:
                numbering._abstract[key] = {
                    **numbering._abstract.get(target.abstract, {}),
                    **target.levels,
                }
        return numbering

    def define(self, number_id: str, level: ListLevel) -> None:
        """Add a list that is the same at every depth, unless it is there."""
        if number_id not in self._numbers:
            self._abstract[number_id] = dict.fromkeys(range(LEVELS), level)
            self._numbers[number_id] = _Number(number_id)

    def depth_of_style(self, number_id: str, style_id: str) -> int | None:
        """Return the depth that a list keeps for a paragraph style."""
        number = self._numbers.get(number_id)
        levels = {**self._abstract.get(number.abstract, {}), **number.levels} if number else {}
        return next((depth for depth, level in levels.items() if level.style == style_id), None)

    def next_label(self, number_id: str, depth: int) -> Label:
        """Count one more item of a list and return its label; of a bullet, the empty one."""
        number = self._numbers.get(number_id)
        if number is None:  # Word shows no number for a list that is not there
            return Label("")
        level = self._level(number, depth)
        counts = self._counts.setdefault(number.abstract, [None] * LEVELS)
        if depth in number.due:
            number.due.discard(depth)
            counts[depth] = None
        self._restart_below(number, counts, depth)
        count = counts[depth]
        counts[depth] = level.start if count is None else count + 1
        if level.format == "bullet":
            return Label(level.pattern if level.pattern in list_numbers.BOXES else "")
        text = self._text(number, level, counts, depth)
        return Label(text, level.separator, is_item=bool(text) and level.format != "none")

    def _restart_below(self, number: _Number, counts: list[int | None], depth: int) -> None:
        for lower in range(depth + 1, LEVELS):
            if counts[lower] is None:
                continue
            after = self._level(number, lower).restarts_after
            if after is None or (after and depth < after):
                counts[lower] = None

    def _text(self, number: _Number, level: ListLevel, counts: list[int | None], depth: int) -> str:
        def written(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            other = self._level(number, place)
            count = counts[place]
            value = other.start if count is None else count
            form = "decimal" if level.is_legal else other.format
            return list_numbers.written(value, "decimal" if form == "bullet" else form)

        pattern = f"%{depth + 1}." if level.pattern is None else level.pattern
        return _PLACE.sub(written, pattern).strip()

    def _level(self, number: _Number, depth: int) -> ListLevel:
        level = number.levels.get(depth) or self._abstract.get(number.abstract, {}).get(depth)
        level = level or ListLevel()
        return replace(level, start=number.starts[depth]) if depth in number.starts else level

    def _add(self, element: etree._Element) -> None:
        number = _Number(attribute(child(element, "abstractNumId"), "val") or "")
        for override in children(element, "lvlOverride"):
            depth = whole_number(attribute(override, "ilvl"))
            if depth is None or not 0 <= depth < LEVELS:
                continue
            level = child(override, "lvl")
            if level is not None:
                number.levels[depth] = _level(level)
            start = whole_number(attribute(child(override, "startOverride"), "val"))
            if start is not None:
                number.starts[depth] = start
                number.due.add(depth)
        self._numbers[attribute(element, "numId") or ""] = number


def _levels(abstract: etree._Element) -> dict[int, ListLevel]:
    levels = {whole_number(attribute(e, "ilvl")): _level(e) for e in children(abstract, "lvl")}
    return {depth: level for depth, level in levels.items() if depth is not None and depth < LEVELS}


def _level(element: etree._Element) -> ListLevel:
    values: Mapping[str, str] = {
        name: attribute(child(element, name), "val") or ""
        for name in ("start", "lvlRestart", "suff", "pStyle")
    }
    pattern = child(element, "lvlText")
    legal = child(element, "isLgl")
    start = whole_number(values["start"])
    font = attribute(child(element, "rPr", "rFonts"), "ascii") or ""
    text = (attribute(pattern, "val") or "")[:PATTERN_MAX]
    return ListLevel(
        format=_format(element),
        pattern=None if pattern is None else symbol_fonts.text(font, text),
        start=1 if start is None else start,
        restarts_after=whole_number(values["lvlRestart"]),
        is_legal=legal is not None and attribute(legal, "val") not in ("0", "false", "off"),
        separator=_SEPARATORS.get(values["suff"], " "),
        style=values["pStyle"] or None,
    )


def _format(level: etree._Element) -> str:
    """Return the number format; a custom one, as `001`, by its first number."""
    found = child(level, "numFmt")
    if found is None:
        found = child(level, "AlternateContent", "Choice", "numFmt")
    name = attribute(found, "val") or "decimal"
    if name != "custom":
        return name
    first = (attribute(found, "format") or "").split(",")[0].strip()
    return first[:PATTERN_MAX] if first.isdecimal() else "decimal"


def whole_number(value: str | None) -> int | None:
    return int(value) if value is not None and re.fullmatch(r"-?\d{1,6}", value) else None
