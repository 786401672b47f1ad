"""Text of which only letters and digits count, and the places where a text stands in another one.

Two readings of the same words differ in blanks, marks, case, ligatures and markup. Folded they are
equal, and each folded character still has its place in the text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from array import array
from bisect import bisect_right
from typing import Final

from ilios.core.expressions import possessive

FOLDS_MAX_COUNT: Final = 65_536
"""Characters whose folded forms are remembered."""
_STEP: Final = 64
"""Places are known for one of so many characters."""
_IN_BRACKETS: Final = possessive(r"\([^()<>\[\]\n]*+\)[^()<>\[\]\n]*+")
_HIDDEN: Final = re.compile(
    rf"(?<!\\)\]\([^()<>\[\]\n]*+{_IN_BRACKETS}\)|(?<!\\)</?[A-Za-z][^<>\n]*+>"
    r"|&(?:\#\d{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
)
"""Addresses of links, tags, entities."""


class _Folds(dict[int, str | None]):
    """The folded form of each character: decomposed, without marks and case; None for nothing."""

    def __missing__(self, code: int) -> str | None:
        if len(self) >= FOLDS_MAX_COUNT:
            self.clear()
        decomposed = unicodedata.normalize("NFKD", chr(code)).casefold()
        signs = unicodedata.normalize("NFKD", decomposed)
        self[code] = "".join(filter(str.isalnum, signs)) or None
        return self[code]


_FOLDS: Final = _Folds()


def folded(text: str) -> str:
    """Return the letters and digits of a Markdown text, without case, marks and markup."""
    return letters(_without_hidden(text))


def letters(text: str) -> str:
    """Return the letters and digits of plain text, as `folded` does those of Markdown."""
    return text.translate(_FOLDS)


class FoldedText:
    """A text in which others are sought; places are characters of the text as it came."""

    def __init__(self, text: str) -> None:
        shown = _without_hidden(text)
        parts = [letters(shown[at : at + _STEP]) for at in range(0, len(shown), _STEP)]
        self._shown = shown
        self._folded = "".join(parts)
        self._steps = array("q", [0])  #: how many folded characters stand before each step
        for part in parts:
            self._steps.append(self._steps[-1] + len(part))

    def __len__(self) -> int:
        """Return how many folded characters the text has."""
        return len(self._folded)

    def is_word(self, start: int, end: int) -> bool:
        """Return whether a range of the text neither begins nor ends inside of a word."""
        around = self._shown[start - 1 : start] + self._shown[end : end + 1]
        return not any(map(str.isalnum, around))

    def find(self, sought: str, start: int = 0, end: int | None = None) -> int:
        """Return where a folded text begins among the folded characters; -1 if it does not."""
        return self._folded.find(sought, start, end)

    def folded_place(self, place: int) -> int:
        """Return how many folded characters stand before a place of the text."""
        step = place // _STEP
        return self._steps[step] + len(letters(self._shown[step * _STEP : place]))

    def place(self, number: int) -> int:
        """Return the place of the folded character with this number, which counts from 0."""
        step = bisect_right(self._steps, number) - 1
        left = number - self._steps[step]
        for at in range(step * _STEP, len(self._shown)):
            left -= len(_FOLDS[ord(self._shown[at])] or "")
            if left < 0:
                return at
        return len(self._shown)


def _without_hidden(text: str) -> str:
    """Replace by blanks what is not shown; every other character keeps its place."""
    return _HIDDEN.sub(_blanked, text)


def _blanked(match: re.Match[str]) -> str:
    hidden = match[0]
    shown = html.unescape(hidden) if hidden[0] == "&" else ""
    return shown.ljust(len(hidden)) if len(shown) <= len(hidden) else " " * len(hidden)
