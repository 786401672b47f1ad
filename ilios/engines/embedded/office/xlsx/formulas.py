"""Formulas that several cells share: stored once, for the first of them."""

from __future__ import annotations

import re
from functools import lru_cache

_REFERENCE = re.compile(
    r"""("(?:[^"]|"")*+"?|'(?:[^']|'')*+'?!?|\[[^\]]*+\]?)"""
    r"|(?<![A-Za-z0-9_.$])(\$?)([A-Za-z]{1,3})(\$?)([0-9]{1,7})(?![A-Za-z0-9_.(!])"
)


def moved(formula: str, rows: int, columns: int) -> str:
    """Return a formula as it reads some rows and columns away; `$` holds a reference in place."""

    def at_its_place(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        column = match[3] if match[2] else column_letters(column_number(match[3]) + columns)
        row = match[5] if match[4] else str(int(match[5]) + rows)
        return f"{match[2]}{column}{match[4]}{row}"

    return _REFERENCE.sub(at_its_place, formula)


@lru_cache(maxsize=20_000)
def column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters or "A"
