"""How much of a page's text its Markdown keeps, and whether the text layer is readable."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Final

KEPT_ENOUGH: Final = 0.9
ORDER_ENOUGH: Final = 0.8
GARBLED_SHARE: Final = 0.12
_TOKEN = re.compile(r"\w+")


def tokens(text: str) -> Counter[str]:
    """Count words, folded so that case, ligatures and escapes make no difference."""
    return Counter(_TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()))


def kept_share(markdown: str, text: str) -> float:
    """Return the share of the characters in words of `text` that `markdown` has; 1.0 without words.

    Words that the Markdown splits or joins otherwise than the text count as kept.
    """
    wanted, got = tokens(text), tokens(markdown)
    total = sum(len(word) * count for word, count in wanted.items())
    if not total:
        return 1.0
    flat = "".join(_TOKEN.findall(unicodedata.normalize("NFKC", markdown).casefold()))
    lost = sum(
        len(word) * count
        for word, count in (wanted - got).items()
        if len(word) < 3 or word not in flat
    )
    return 1 - lost / total


def keeps_order(markdown: str, text: str, concerns: Callable[[str], bool]) -> bool:
    """Return whether most words that follow each other in `text` do so in `markdown`.

    Only pairs with a word for which `concerns` is true count.
    """
    wanted, got = _pairs(text), _pairs(markdown)
    wanted = Counter({pair: n for pair, n in wanted.items() if any(map(concerns, pair))})
    return (wanted & got).total() >= ORDER_ENOUGH * wanted.total()


def _pairs(text: str) -> Counter[tuple[str, str]]:
    return Counter(pairwise(_TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())))


def is_garbled(text: str) -> bool:
    """Return whether many characters are junk, as with fonts without a mapping to Unicode."""
    visible = [character for character in text if not character.isspace()]
    if len(visible) < 20:
        return False
    return _junk(visible) >= GARBLED_SHARE * len(visible)


def visible_characters(text: str) -> int:
    visible = [character for character in text if not character.isspace()]
    return len(visible) - _junk(visible)


def _junk(characters: list[str]) -> int:
    return sum(
        character == "\ufffd" or unicodedata.category(character) in ("Cc", "Co", "Cn")
        for character in characters
    )
