"""Lists of an RTF document: their definitions, and the label that each item shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ilios.engines.embedded import list_numbers

LEVELS: Final = 9
LABEL_MAX_CHARACTERS: Final = 40
"""Longer labels are cut: an item of a few bytes would become pages of text."""
_BULLETS: Final = 23
_WITHOUT_NUMBER: Final = 255
#: The names of the number formats, by the number that `\\levelnfc` gives them.
_FORMATS: Final = {
    **dict(enumerate(("decimal", "upperRoman", "lowerRoman", "upperLetter", "lowerLetter"))),
    **dict(enumerate(("ordinal", "cardinalText", "ordinalText"), start=5)),
    **dict(enumerate(("ideographDigital", "japaneseCounting", "aiueo", "iroha"), start=10)),
    **dict(enumerate(("decimalEnclosedCircle", "decimalFullWidth2"), start=18)),
    22: "decimalZero",
    **dict(enumerate(("ganada", "chosung", "decimalEnclosedFullstop"), start=24)),
    27: "decimalEnclosedParen",
    **dict(enumerate(("ideographTraditional", "ideographZodiac"), start=30)),
    **dict(enumerate(("arabicAlpha", "hebrew2", "arabicAbjad"), start=46)),
}
_PLACE = re.compile("[\x00-\x08]")


@dataclass(slots=True)
class _Level:
    kind: int = 0  #: of its numbers, as in `\\levelnfc`
    start: int = 1
    template: str = ""  #: the label; a character below 9 stands for the number of that level


@dataclass(slots=True)
class _List:
    levels: list[_Level] = field(default_factory=list)
    numbers: list[int | None] = field(default_factory=lambda: [None] * LEVELS)


@dataclass(slots=True)
class _Override:
    list_id: int = 0
    starts: dict[int, int] = field(default_factory=dict)
    is_begun: bool = False


class RtfLists:
    """Takes the control words of the list tables, then counts the items of the text."""

    def __init__(self) -> None:
        self.has_texts = False  #: the document writes the labels of its items itself
        self._lists: dict[int, _List] = {}
        self._overrides: dict[int, _Override] = {}
        self._list = _List()
        self._override = _Override()
        self._level = -1
        self.actions: Mapping[str, Callable[[int], None]] = {
            "list": self._begin_list,
            "listlevel": lambda _: self._list.levels.append(_Level()),
            "levelnfc": lambda number: self._set_kind(number),
            "levelnfcn": lambda number: self._set_kind(number),
            "levelstartat": self._set_start,
            "listid": self._set_id,
            "listoverride": self._begin_override,
            "lfolevel": self._begin_overridden_level,
            "ls": self._name_override,
        }

    def set_template(self, text: str) -> None:
        """Take the text of `\\leveltext`: its length, the label, a semicolon."""
        if self._list.levels:
            self._list.levels[-1].template = text[1 : LABEL_MAX_CHARACTERS + 1].removesuffix(";")

    def label(self, override: int, depth: int) -> str:
        """Count an item and return the label that it shows; empty for a list that is not known."""
        chosen = self._overrides.get(override)
        found = self._lists.get(chosen.list_id) if chosen else None
        if chosen is None or found is None or depth >= min(len(found.levels), LEVELS):
            return ""
        starts = {} if chosen.is_begun else chosen.starts
        chosen.is_begun = True
        for level, start in starts.items():
            if level < LEVELS:
                found.numbers[level] = start - 1
        self._count(found, depth)
        return self._written(found, depth)

    def _count(self, found: _List, depth: int) -> None:
        number = found.numbers[depth]
        found.numbers[depth] = found.levels[depth].start if number is None else number + 1
        for deeper in range(depth + 1, LEVELS):
            found.numbers[deeper] = None

    def _written(self, found: _List, depth: int) -> str:
        level = found.levels[depth]
        if level.kind == _BULLETS:
            return level.template or "•"
        if level.kind == _WITHOUT_NUMBER and not _PLACE.search(level.template):
            return level.template

        def number(place: re.Match[str]) -> str:
            outer = min(ord(place[0]), len(found.levels) - 1)
            value = found.numbers[outer]
            kind = found.levels[outer].kind
            shown = found.levels[outer].start if value is None else value
            return list_numbers.written(shown, _FORMATS.get(kind, "decimal"))

        return _PLACE.sub(number, level.template)

    def _begin_list(self, _: int) -> None:
        self._list, self._level = _List(), -1

    def _begin_override(self, _: int) -> None:
        self._list, self._level = _List(), -1
        self._override = _Override()

    def _begin_overridden_level(self, _: int) -> None:
        self._level += 1

    def _set_kind(self, number: int) -> None:
        if self._list.levels:
            self._list.levels[-1].kind = number

    def _set_start(self, number: int) -> None:
        if self._level >= 0:
            self._override.starts[self._level] = number
        elif self._list.levels:
            self._list.levels[-1].start = number

    def _set_id(self, number: int) -> None:
        if self._list.levels and number not in self._lists:
            self._lists[number] = self._list
        self._override.list_id = number

    def _name_override(self, number: int) -> None:
        self._overrides[number] = self._override
