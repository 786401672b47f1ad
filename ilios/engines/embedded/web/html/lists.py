"""The labels of list items as browsers show them: start, value, reversed, letters, Roman."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

from ilios.engines.embedded import list_numbers
from ilios.engines.embedded.archive import local_name

BULLET: Final = "-"
NUMBER_MAX: Final = 999_999_999
"""Markdown knows no larger number of a list item."""
_TYPES: Final = {"a": "lower-alpha", "A": "upper-alpha", "i": "lower-roman", "I": "upper-roman"}
_STYLE = re.compile(
    r"list-style(?:-type)?\s*:[^;]{0,99}?\b"
    r"(none|disc|circle|square|decimal|(?:lower|upper)-(?:alpha|latin|roman)|lower-greek)"
)
_UNNUMBERED: Final = ("none", "disc", "circle", "square")
_INTEGER = re.compile(r"\s*([+-]?\d{1,9})")


def is_ordered(element: etree._Element) -> bool:
    return local_name(element) == "ol" or kind_of(element) not in ("", *_UNNUMBERED)


def numbers(ordered: etree._Element) -> Iterator[int]:
    """Yield the number of each item of a list, in order."""
    items = [child for child in ordered if local_name(child) == "li"]
    is_reversed = ordered.get("reversed") is not None
    number = _integer(ordered.get("start"), len(items) if is_reversed else 1)
    for item in items:
        number = _integer(item.get("value"), number)
        yield number
        number += -1 if is_reversed else 1


def kind_of(element: etree._Element) -> str:
    """Return how a list or an item is numbered, as style sheets call it; empty if not told."""
    style = _STYLE.search(element.get("style") or "")
    return style[1] if style else _TYPES.get((element.get("type") or "").strip(), "")


def label(kind: str, item: etree._Element, number: int) -> tuple[str, str]:
    """Return the Markdown marker of an item, and the label that no marker can show.

    `kind` is how its list is numbered.
    """
    kind = kind_of(item) or kind
    if kind in _UNNUMBERED:
        return BULLET, ""
    written = _written(kind, number)
    if written is None and 0 <= number <= NUMBER_MAX:
        return f"{number}.", ""
    return BULLET, f"{written or number}."


def _written(kind: str, number: int) -> str | None:
    """Return a number in letters or Roman figures; None if it is written in digits."""
    case, _, system = kind.partition("-")
    if number < 1 or not system or (system == "roman" and number > list_numbers.ROMAN_MAX):
        return None
    if system == "roman":
        return list_numbers.written(number, f"{case}Roman")
    alphabet = list_numbers.GREEK if system == "greek" else list_numbers.LATIN
    text = list_numbers.alphabetic(number, alphabet)
    return text.upper() if case == "upper" else text


def _integer(text: str | None, default: int) -> int:
    found = _INTEGER.match(text or "")
    return int(found[1]) if found else default
