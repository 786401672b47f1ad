"""The labels of OpenDocument lists and headings, as they are shown: `7.`, `(b)`, `2.1`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from ilios.engines.embedded import list_numbers, symbol_fonts
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.numerals import unsigned
from ilios.engines.embedded.office.odt.styles import Styles

LEVELS_MAX: Final = 10
_OUTLINE: Final = "\0outline"
_LISTS: Final = ("outline-style", "list-style")
_NAMES: Final = {"i": "lowerRoman", "I": "upperRoman", "a": "lowerLetter", "A": "upperLetter"}
#: What LibreOffice calls further formats: by their first numbers.
_EXAMPLES: Final = {
    "01,": "decimalZero",
    "001,": "001",
    "0001,": "0001",
    "00001,": "00001",
    "1st,": "ordinal",
    "First,": "ordinalText",
    "One,": "cardinalText",
    "①,": "decimalEnclosedCircle",
    "一,": "japaneseCounting",
    "イ,": "iroha",
    "ア,": "aiueo",
    "甲,": "ideographTraditional",
    "子,": "ideographZodiac",
    "가,": "ganada",
    "ㄱ,": "chosung",
    "أ,": "arabicAlpha",
    "ا,": "arabicAlpha",
    "ก,": "thaiLetters",
    "๑,": "thaiNumbers",
    "१,": "hindiNumbers",
    "א,": "hebrew2",
    "А,": "russianUpper",
    "а,": "russianLower",
}
_LABEL_TEXT_MAX: Final = 100  #: characters; every item repeats them
_PLACEHOLDER = re.compile(r"%(\d{1,2})%")


@dataclass(frozen=True, slots=True)
class Level:
    """How items on a level of a list are numbered."""

    number_format: str  #: `1`, `a`, `A`, `i`, `I` …; empty for items without numbers
    prefix: str = ""
    suffix: str = ""
    start: int = 1
    shown: int = 1  #: how many levels the label shows, this one included
    same_letters: bool = False  #: behind z comes aa, bb; else aa, ab
    bullet: str = ""  #: a box or a tick, which says whether something is done
    pattern: str = ""  #: the label with `%1%` for the number on level 1; empty if there is none


@dataclass(slots=True)
class Counters:
    """The numbers that a list has reached, by level from 0."""

    reached: dict[int, int] = field(default_factory=dict)

    def advance(self, level: int, start: int, given: int | None) -> None:
        number = self.reached[level] + 1 if level in self.reached else start
        self.reached = {k: v for k, v in self.reached.items() if k < level}
        self.reached[level] = number if given is None else given


@dataclass(frozen=True, slots=True)
class Item:
    """Paragraphs of a list that stand below one label, or go on below it."""

    depth: int
    label: str | None  #: as it is shown; None for a bullet
    parts: list[etree._Element]
    begins: bool  #: whether the label stands here; else the item before goes on


class Lists:
    """Walks lists and counts their items; lists can go on after other text."""

    def __init__(self, styles: Styles, sections: Iterable[etree._Element | None]) -> None:
        self._styles = styles
        self._list_styles: dict[str, etree._Element] = {}
        self._levels: dict[tuple[str, int], Level] = {}  #: of those that were asked for
        self._by_id: dict[str, Counters] = {}
        self._by_style: dict[str, Counters] = {}
        self._outline = Counters()
        self._outline_names = {_OUTLINE}
        for section in sections:
            for style in children(section, *_LISTS) if section is not None else ():
                self._add(style)

    def heading_label(self, heading: etree._Element) -> str | None:
        """Return the number of a heading by its level in the outline."""
        own = self._styles.list_style(attribute(heading, "style-name") or "")
        is_counted = attribute(heading, "is-list-header") != "true" and own != ""
        level = min(max(unsigned(attribute(heading, "outline-level"), 1), 1), LEVELS_MAX) - 1
        if not is_counted or not self._level(_OUTLINE, level).number_format:
            return None
        given = _given(heading)
        if given is None and attribute(heading, "restart-numbering") == "true":
            given = self._level(_OUTLINE, level).start
        return _written(heading) or self._next(self._outline, _OUTLINE, level, given)

    def numbered_paragraph(self, element: etree._Element) -> Item:
        """Return a paragraph that is an item of a list without standing in one."""
        depth = min(max(unsigned(attribute(element, "level"), 1), 1), LEVELS_MAX) - 1
        style = attribute(element, "style-name") or ""
        counters = self._by_id.setdefault(attribute(element, "list-id") or "", Counters())
        parts = list(children(element, "p", "h"))
        label = self._next(counters, style, depth, _given(element))
        return Item(depth, _written(element) or label, parts, begins=True)

    def items(self, element: etree._Element) -> Iterator[Item]:
        style = attribute(element, "style-name") or self._style_of_paragraph(element)
        continued = attribute(element, "continue-list")
        goes_on = attribute(element, "continue-numbering") == "true" or continued is not None
        counters = Counters()
        if style in self._outline_names:
            counters = self._outline
        elif continued is not None:
            counters = self._by_id.get(continued, counters)
        elif goes_on:
            counters = self._by_style.get(style, counters)
        self._by_id[attribute(element, "id") or ""] = counters
        self._by_style[style] = counters
        yield from self._items(element, 0, style, counters, goes_on=goes_on)

    def _items(
        self, element: etree._Element, depth: int, style: str, counters: Counters, *, goes_on: bool
    ) -> Iterator[Item]:
        if not goes_on and style not in self._outline_names:
            counters.reached = {k: v for k, v in counters.reached.items() if k < depth}
        for item in children(element, "list-item", "list-header"):
            own = attribute(item, "style-override") or style
            parts: list[etree._Element] = []
            begins = local_name(item) == "list-item"
            is_first = True
            for part in item:
                if local_name(part) != "list":
                    parts.append(part)
                    continue
                if _holds_text(parts):
                    yield self._item(item, parts, depth, own, counters, begins=begins)
                    parts, begins, is_first = [], False, False
                inner = attribute(part, "style-name") or style
                on = attribute(part, "continue-numbering") == "true" or (goes_on and is_first)
                yield from self._items(part, depth + 1, inner, counters, goes_on=on)
            if _holds_text(parts):
                yield self._item(item, parts, depth, own, counters, begins=begins)

    def _item(
        self,
        item: etree._Element,
        parts: list[etree._Element],
        depth: int,
        style: str,
        counters: Counters,
        *,
        begins: bool,
    ) -> Item:
        label = self._next(counters, style, depth, _given(item)) if begins else None
        written = _written(item) if begins else None
        return Item(depth, written or label, parts, begins)

    def _next(self, counters: Counters, style: str, depth: int, given: int | None) -> str | None:
        level = self._level(style, depth)
        counters.advance(depth, level.start, given)
        if not level.number_format:
            return level.bullet or None
        return self._label(counters, style, depth)

    def _label(self, counters: Counters, style: str, depth: int) -> str | None:
        level = self._level(style, depth)
        numbers: dict[int, str] = {}
        for above in range(depth + 1):
            outer = self._level(style, above)
            # a level that was left out counts as begun, so that 1.1 is followed by 2
            number = counters.reached.setdefault(above, outer.start)
            numbers[above] = formatted(number, outer.number_format, same=outer.same_letters)
        if level.pattern:
            label = _PLACEHOLDER.sub(lambda m: numbers.get(int(m[1]) - 1, ""), level.pattern)
        else:
            shown = [numbers[above] for above in range(max(depth + 1 - level.shown, 0), depth + 1)]
            label = level.prefix + ".".join(part for part in shown if part) + level.suffix
        return " ".join(label.split()) or None

    def _level(self, style: str, depth: int) -> Level:
        level = self._levels.get((style, depth))
        if level is None:
            levels = self._list_styles.get(style, ())
            element = next((e for e in levels if attribute(e, "level") == str(depth + 1)), None)
            level = self._levels[style, depth] = _read_level(element)
        return level

    def _style_of_paragraph(self, element: etree._Element) -> str:
        first = next((e for e in element.iter() if local_name(e) in ("p", "h")), None)
        return self._styles.list_style(attribute(first, "style-name") or "") or ""

    def _add(self, style: etree._Element) -> None:
        name = attribute(style, "name") or ""
        if local_name(style) == "outline-style":
            self._list_styles[_OUTLINE] = style
            self._outline_names.update([name] if name else [])
        self._list_styles[name] = style


def _read_level(element: etree._Element | None) -> Level:
    kind = local_name(element) if element is not None else ""
    if kind == "list-level-style-bullet":
        look = child(element, "text-properties")
        font = attribute(look, "font-name") or attribute(look, "font-family") or ""
        sign = symbol_fonts.text(font, attribute(element, "bullet-char") or "")
        return Level("", bullet=sign if sign in list_numbers.BOXES else "")
    if kind not in ("list-level-style-number", "outline-level-style"):
        return Level("")
    return Level(
        attribute(element, "num-format") or "",
        (attribute(element, "num-prefix") or "")[:_LABEL_TEXT_MAX],
        (attribute(element, "num-suffix") or "")[:_LABEL_TEXT_MAX],
        unsigned(attribute(element, "start-value"), 1),
        max(unsigned(attribute(element, "display-levels"), 1), 1),
        attribute(element, "num-letter-sync") == "true",
        pattern=(attribute(element, "num-list-format") or "")[:_LABEL_TEXT_MAX],
    )


def formatted(number: int, number_format: str, *, same: bool = False) -> str:
    """Write a number as a label does: `3`, `c`, `iii`. In formats that are not known, as digits."""
    if not number_format:
        return ""
    if number_format in ("a", "A") and not same:
        letters = list_numbers.alphabetic(number)
        return letters.upper() if number_format == "A" else letters
    name = _NAMES.get(number_format) or _EXAMPLES.get(number_format.partition(" ")[0])
    return list_numbers.written(number, name or "decimal")


def _holds_text(parts: list[etree._Element]) -> bool:
    return any(local_name(part) in ("p", "h") for part in parts)


def _given(element: etree._Element) -> int | None:
    value = attribute(element, "start-value")
    return unsigned(value, 1) if value is not None else None


def _written(element: etree._Element) -> str | None:
    """Return the label as whoever wrote the file has put it there."""
    number = child(element, "number")
    return " ".join((number.text or "").split()) or None if number is not None else None
