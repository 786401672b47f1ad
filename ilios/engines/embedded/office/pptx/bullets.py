"""Bullets and numbers of PowerPoint paragraphs, also those that layouts and masters define."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lxml import etree

from ilios.engines.embedded import list_numbers, markdown
from ilios.engines.embedded.archive import attribute, local_name
from ilios.engines.embedded.numerals import unsigned

LEVELS: Final = 9
SETTINGS_LOOKED_AT: Final = 50
"""Of a paragraph or a list style, which has a dozen: each paragraph looks at them anew."""
_DEFINING: Final = ("buNone", "buChar", "buAutoNum", "buBlip")
_SUFFIX = re.compile(r"(ParenBoth|ParenR|Period|Plain|Minus)$")
#: The names of the number formats, by what PowerPoint calls them.
_FORMATS: Final = {
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
    "arabicDb": "decimalFullWidth",
    "arabic1": "arabicAlpha",
    "arabic2": "arabicAbjad",
    "circleNumDb": "decimalEnclosedCircle",
    "circleNumWdBlack": "decimalEnclosedCircle",
    "circleNumWdWhite": "decimalEnclosedCircle",
    "ea1Chs": "chineseCounting",
    "ea1Cht": "chineseCounting",
    "ea1JpnChs": "japaneseCounting",
    "ea1JpnKor": "japaneseCounting",
    "hebrew2": "hebrew2",
    "hindiNum": "hindiNumbers",
    "thaiAlpha": "thaiLetters",
    "thaiNum": "thaiNumbers",
}
_SHOWN: Final = {"ParenBoth": "({})", "ParenR": "{})", "Minus": "- {} -", "Plain": "{}"}
_PLAIN_NUMBER = re.compile(r"(\d{1,9})[.)]?")


@dataclass(frozen=True, slots=True)
class Bullet:
    """What stands before a paragraph."""

    number_type: str = ""  #: such as `arabicPeriod`; empty for a bullet
    start: int = 1

    def label(self, number: int) -> str:
        """Return the label of the item with this number, as in `3.`, `(c)`, `IV.`."""
        suffix = _SUFFIX.search(self.number_type)
        kind = self.number_type[: suffix.start()] if suffix else self.number_type
        written = list_numbers.written(number, _FORMATS.get(kind, "decimal"))
        return _SHOWN.get(suffix[1] if suffix else "", "{}.").format(written)


def item(depth: int, label: str, text: str) -> str:
    """Write a list item with the label that it shows; empty for a bullet."""
    number = _PLAIN_NUMBER.fullmatch(label)
    if number:
        return markdown.list_item(depth, f"{number[1]}.", text)
    return markdown.list_item(depth, "-", markdown.labelled(label, text) if label else text)


def level(properties: etree._Element | None) -> int:
    """Return the level of a paragraph, from 0."""
    given = properties.get("lvl", "") if properties is not None else ""
    return min(unsigned(given, 0), LEVELS - 1)


def bullet(
    properties: etree._Element | None, styles: Sequence[etree._Element], *, bulleted: bool
) -> Bullet | None:
    """Return the bullet that a paragraph or one of its list styles, the nearest first, defines.

    `bulleted` tells whether a paragraph has one of which none of them says anything.
    """
    for source in _levels(properties, styles):
        for setting in islice(source, SETTINGS_LOOKED_AT):
            name = local_name(setting)
            if name == "buAutoNum":
                number_type = attribute(setting, "type") or "arabicPeriod"
                return Bullet(number_type, unsigned(attribute(setting, "startAt"), 1))
            if name in _DEFINING:
                return None if name == "buNone" else Bullet()
    return Bullet() if bulleted else None


def _levels(
    properties: etree._Element | None, styles: Sequence[etree._Element]
) -> Iterator[etree._Element]:
    if properties is not None:
        yield properties
    name = f"lvl{level(properties) + 1}pPr"
    for style in styles:
        entries = islice(style, SETTINGS_LOOKED_AT)
        found = next((entry for entry in entries if local_name(entry) == name), None)
        if found is not None:
            yield found


class Counters:
    """Counts the numbered paragraphs of one text body."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[Bullet, int]] = {}

    def label(self, depth: int, found: Bullet | None) -> str:
        """Count a paragraph; return its label, empty if it has no number.

        A number goes on if only deeper paragraphs stand between it and the one before.
        """
        for deeper in [other for other in self._open if other > depth]:
            del self._open[deeper]
        if found is None or not found.number_type:
            self._open.pop(depth, None)
            return ""
        before, number = self._open.get(depth, (None, 0))
        number = number + 1 if before == found else found.start
        self._open[depth] = found, number
        return found.label(number)
