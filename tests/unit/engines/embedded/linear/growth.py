"""Documents that grow with a number, each hard in a way of its own: what a reader does for one part
of them it must not do again for every other.

A reader that is linear takes four times the time for four times the size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

SIGNS: Final = (
    "[", "]", "(", "<", "`", "*", "_", "|", "\\", "&", "#", "$", "~", "!", "-", "=", "+", "'", '"',
    ".", ":", "{", "}", "[^", "](", "![", "<!--", "</", "<a", "&#", "a*", "*_", "\\[", "$$", "| -",
    "- ", "> ", "1. ", "[a](", "[a]: ", "x@", "\\$", "~~", "a`", "``a", "http://", "..-", "1,",
)  # fmt: skip
"""What markup is made of, and what begins it again and again."""
MARKS: Final = "\u0301\u0327"
"""Two marks upon a letter, in the order that is not Unicode's."""


class Case(NamedTuple):
    """A document that grows with a number."""

    name: str
    media_type: str
    build: Callable[[int], bytes]
    size: int


def lines(n: int) -> list[str]:
    """Return a line of n characters for each sign, a word of n letters, and n words."""
    return [
        *(sign * (n // len(sign)) for sign in SIGNS),
        "a" * n,
        "ab " * (n // 3),
        "-" * n + " x",
        "." * n + "1_",
        "x " + MARKS * (n // 2),
        "".join(f"w{number} " for number in range(n // 6)),
    ]


def numbers(n: int, pattern: str) -> str:
    """Return a pattern once for each number below n; `@` stands for it."""
    return "".join(pattern.replace("@", str(number)) for number in range(n))
