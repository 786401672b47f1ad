"""Numbers of lists as documents show them: decimal, Roman, letters."""

from __future__ import annotations

from typing import Final

_ROMAN: Final = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)
ROMAN_MAX: Final = 3999
LETTERS_MAX: Final = 780
"""Office repeats the letter (`z`, `aa`, `bb`): 30 letters are the most it shows."""


def roman(number: int) -> str:
    """Write a number in small Roman numerals; beyond 3999, or below 1, in digits."""
    if not 1 <= number <= ROMAN_MAX:
        return str(number)
    written = ""
    for value, letters in _ROMAN:
        count, number = divmod(number, value)
        written += letters * count
    return written


def letters(number: int) -> str:
    """Write a number as Office's letters: a … z, aa, bb …; beyond 780, or below 1, in digits."""
    if not 1 <= number <= LETTERS_MAX:
        return str(number)
    repeats, letter = divmod(number - 1, 26)
    return chr(ord("a") + letter) * (repeats + 1)


def ordinal(number: int) -> str:
    """Write an English ordinal: 1st, 2nd, 3rd, 4th."""
    teens = 10 < number % 100 < 14
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
