"""Right-to-left text (Arabic, Hebrew), restored from the positions of its characters.

A PDF may hold such a line in reading order, in visual order, or each word in another order.
"""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import pypdfium2.raw as pdfium_c

RTL_SHARE: Final = 0.1
WORD_GAP: Final = 0.2
"""A gap wider than this share of the font size is a space; the file's own may be anywhere."""
_MAY_RUN_LEFT = re.compile("[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U0001efff]")
_LEFT_TO_RIGHT = re.compile(
    r"[^\W\u0590-\u08ff\ufb1d-\ufeff]+(?:[.,:/@-][^\W\u0590-\u08ff]+)*|[٠-٩۰-۹]+"
)


@dataclass(frozen=True, slots=True)
class _Character:
    sign: str
    left: float
    right: float
    size: float


def is_rtl(text: str) -> bool:
    """Return whether a good part of the letters belongs to a right-to-left script."""
    if not has_rtl(text):
        return False
    letters = [character for character in text if character.isalpha()]
    return sum(map(_runs_left, letters)) > RTL_SHARE * len(letters)


def has_rtl(text: str) -> bool:
    return _MAY_RUN_LEFT.search(text) is not None and any(map(_runs_left, text))


def lines(text_page: Any) -> str:
    """Return the text in PDFium's lines, each in reading order."""
    return "\n".join(_rebuilt(text_page, line) for line in _lines(text_page))


def _runs_left(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("R", "AL")


def _lines(text_page: Any) -> Iterator[list[tuple[int, str]]]:
    """Yield the characters of each line, with their indexes in the page."""
    line: list[tuple[int, str]] = []
    for index in range(text_page.count_chars()):
        sign = chr(min(pdfium_c.FPDFText_GetUnicode(text_page, index), 0x10FFFF))
        if line and _is_half(sign) and _is_half(line[-1][1]):
            line.append(_whole(*line.pop(), sign))
            continue
        if sign == "\n":
            yield line
            line = []
        elif sign != "\r":
            line.append((index, sign))
    yield line


def _is_half(sign: str) -> bool:
    """Return whether a sign is one of the two that PDFium gives for a letter beyond U+FFFF."""
    return "\ud800" <= sign <= "\udfff"


def _whole(index: int, half: str, other: str) -> tuple[int, str]:
    """Join two halves of a letter, which come in either order amid text that runs leftwards."""
    halves = "".join(sorted((half, other)))
    return index, halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _rebuilt(text_page: Any, line: list[tuple[int, str]]) -> str:
    text = "".join(sign for _, sign in line)
    if not has_rtl(text):
        return text
    visible = [(n, sign) for n, sign in line if not sign.isspace() and sign.isprintable()]
    words = _words([_character(text_page, index, sign) for index, sign in visible])
    letters = [sign for _, sign in visible if sign.isalpha()]
    return _logical(words, leftwards=2 * sum(map(_runs_left, letters)) >= len(letters))


def _character(text_page: Any, index: int, sign: str) -> _Character:
    box = pdfium_c.FS_RECTF()  # what the font gives the character; its ink may reach farther
    pdfium_c.FPDFText_GetLooseCharBox(text_page, index, ctypes.byref(box))
    ink = [ctypes.c_double() for _ in range(4)]
    pdfium_c.FPDFText_GetCharBox(text_page, index, *ink)
    sides = box.left, box.right, ink[0].value, ink[1].value
    height = abs(box.top - box.bottom)
    nominal = pdfium_c.FPDFText_GetFontSize(text_page, index)  # before the text is scaled
    return _Character(sign, min(sides), max(sides), min(max(nominal, height), 1.5 * height))


def _logical(words: list[str], *, leftwards: bool) -> str:
    """Order words by the direction of their line, phrases of the other direction by their own."""
    phrases = groupby(reversed(words) if leftwards else words, key=has_rtl)
    ordered: list[str] = []
    for is_rtl_phrase, group in phrases:
        phrase = [_turned(word) if is_rtl_phrase else word for word in group]
        ordered += phrase if is_rtl_phrase == leftwards else reversed(phrase)
    return " ".join(ordered)


def _words(line: list[_Character]) -> list[str]:
    """Return words in visual order, from left to right."""
    seen, end = "", 0.0
    gap = WORD_GAP * max((character.size for character in line), default=0.0)
    for character in sorted(line, key=lambda character: character.left + character.right):
        seen += " " * (character.left - end > gap) + character.sign
        end = max(end, character.right)
    return seen.split()


def _turned(word: str) -> str:
    return _LEFT_TO_RIGHT.sub(lambda match: match[0][::-1], word[::-1])
