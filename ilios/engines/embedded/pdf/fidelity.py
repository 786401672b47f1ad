"""Which of two readings of the same text is right: words, order and readable characters."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice, pairwise
from typing import Final

from ilios.core.expressions import possessive
from ilios.engines import unicode

KEPT_ENOUGH: Final = 0.9
ORDER_ENOUGH: Final = 0.8
LINE_ORDER_ENOUGH: Final = 0.6
GARBLED_SHARE: Final = 0.12
PLAUSIBLE: Final = 0.6
MOST_SOUGHT: Final = 1_000
"""So many different missing words are sought in a text, however it cuts them; more are missing."""
TORN_SOUGHT: Final = 100
"""To seek a word in pieces takes longer, and two of them decide."""
SOUGHT_MAX_WORDS: Final = 5_000_000
"""Of a page and all texts that are sought in it together."""
INDEXED: Final = 4
"""So long is a sign with its indexes, which one reader joins and the other takes apart."""
_TOKEN = re.compile(r"[^\W_]+|[\U00010000-\U000effff]")
"""A rule typed as underscores is no word; a sign beyond U+FFFF is one, for readers drop them."""
_ENTITY = re.compile(r"&(?:amp|gt|lt|nbsp|quot);")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SOFT_BREAK = "\ufffe"
"""What PDFium writes for a hyphen at the end of a line."""
_FURTHER = possessive(r"['’.-][^\W\d_]+")
_FURTHER_CAPITALS = possessive(r"['’.-][^\W\d_a-z]+")
_WORD_LIKE = re.compile(
    rf"[^\w\s]*+(?:[^\W\d_]?[^\W\d_A-Z]*{_FURTHER}|[^\W\d_a-z]+{_FURTHER_CAPITALS}s?"
    r"|\d[\d.,:/%-]*+\w?\w?)[^\w\s]*+"
)
_VOWEL = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿ]", re.IGNORECASE)
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ÿ]{5,}")


def folded(text: str) -> list[str]:
    """Return the words in order, folded so that case, ligatures and escapes do not matter."""
    plain = text.replace(_SOFT_BREAK, "")
    if "&" in plain:
        plain = _ENTITY.sub(" ", plain)  # signs as Markdown escapes them
    return _TOKEN.findall(unicode.normalized("NFKC", plain).casefold())


def tokens(text: str) -> Counter[str]:
    return Counter(folded(text))


def kept_share(markdown: str, text: str) -> float:
    """Return the share of the characters in words of `text` that `markdown` has; 1.0 without words.

    Words that the Markdown splits or joins otherwise than the text count as kept.
    """
    wanted = tokens(text)
    total = sum(len(word) * count for word, count in wanted.items())
    if not total:
        return 1.0
    lost = lost_words(folded(markdown), wanted)
    return 1 - sum(len(word) * count for word, count in lost.items()) / total


class Sought:
    """A page in which texts are sought, until too much of it has been looked at."""

    def __init__(self, markdown: str) -> None:
        self._words = folded(markdown)
        self._left = SOUGHT_MAX_WORDS

    def has(self, text: str) -> bool:
        """Return whether all words of a text stand on the page; False when that is not known."""
        wanted = tokens(text)
        self._left -= len(self._words)
        return self._left >= 0 and not lost_words(self._words, wanted)


def lost_words(got: Sequence[str], wanted: Counter[str]) -> Counter[str]:
    """Return the words of `wanted` that are not among `got`, however those are cut."""
    missing = wanted - Counter(got)
    if not missing:
        return missing
    joined, spaced = "".join(got), f" {' '.join(got)} "
    extra = " ".join(
        word
        for word in (Counter(got) - wanted).elements()
        if len(word) <= INDEXED and not word.isalpha()
    )
    lost: Counter[str] = Counter()
    for place, (word, count) in enumerate(missing.items()):
        if place >= MOST_SOUGHT:
            lost[word] = count
            continue
        # a short word is found anywhere in the middle of others, so only its pieces count,
        # and where it was joined to a sign with an index
        if len(word) < 3:
            found = spaced.count(f" {' '.join(word)} ") + extra.count(word)
        else:
            found = joined.count(word)
        lost[word] = min(count, wanted[word] - found)
    return +lost


def torn_words(got: Sequence[str], wanted: Counter[str]) -> int:
    """Count words of `wanted` that stand in `got` only in pieces which are no words themselves."""
    missing = [word for word in wanted.keys() - set(got) if 3 < len(word) < 25]
    if not missing:
        return 0
    flat = f" {' '.join(got)} "
    return sum(_is_torn(word, flat, wanted) for word in islice(missing, TORN_SOUGHT))


def _is_torn(word: str, flat: str, wanted: Counter[str]) -> bool:
    match = re.search(r"(?<= )" + " ?".join(map(re.escape, word)) + r"(?= )", flat)
    if match is None:
        return False
    pieces = match[0].split()
    return any(piece not in wanted and not piece.isdigit() for piece in pieces) or all(
        len(piece) == 1 for piece in pieces
    )


def keeps_order(markdown: str, text: str, concerns: Callable[[str], bool]) -> bool:
    """Return whether most words that follow each other in `text` do so in `markdown`.

    Only pairs with a word for which `concerns` is true count.
    """
    wanted, got = Counter(pairwise(folded(text))), Counter(pairwise(folded(markdown)))
    wanted = Counter({pair: n for pair, n in wanted.items() if any(map(concerns, pair))})
    return (wanted & got).total() >= ORDER_ENOUGH * wanted.total()


def keeps_lines(got: Sequence[str], lines: Sequence[Sequence[str]]) -> bool:
    """Return whether most words that follow each other in a line do so in `got`."""
    followed = set(pairwise(got))
    pairs = [pair for line in lines for pair in pairwise(line)]
    kept = sum(pair in followed for pair in pairs)
    return len(pairs) < 3 or kept >= LINE_ORDER_ENOUGH * len(pairs)


def is_garbled(text: str) -> bool:
    """Return whether many characters are junk, as with fonts without a mapping to Unicode."""
    if not may_hold_junk(text):
        return False
    visible = "".join(text.split())
    share = GARBLED_SHARE if len(visible) >= 20 else 0.5
    return _junk(visible) >= max(share * len(visible), 1)


def may_hold_junk(text: str) -> bool:
    """Return False, quickly, for text without any unprintable character."""
    plain = text.replace("\n", "").replace(_SOFT_BREAK, "")
    return "\ufffd" in plain or not plain.isprintable()


def is_junk_line(text: str) -> bool:
    """Return whether a line holds control characters, which no font shows, or much other junk."""
    if not may_hold_junk(text):
        return False
    if _CONTROL.search(text):
        return True
    visible = "".join(text.split())
    return _junk(visible) >= max(GARBLED_SHARE * len(visible), 2)


def plausibility(text: str) -> float:
    """Return the share of characters in words that look like words of some language; 1.0 if none.

    Figures amid letters, capitals amid small letters and long words without a vowel do not.
    """
    parts = text.split()
    total = sum(map(len, parts))
    return sum(len(part) for part in parts if _reads_like_a_word(part)) / total if total else 1.0


def is_plausible(text: str) -> bool:
    return plausibility(text) >= PLAUSIBLE


def _reads_like_a_word(part: str) -> bool:
    if not _WORD_LIKE.fullmatch(part):
        return False
    latin = _LATIN_WORD.search(part)
    return latin is None or _VOWEL.search(latin[0]) is not None


def visible_characters(text: str) -> int:
    visible = "".join(text.split())
    return len(visible) - (_junk(visible) if may_hold_junk(visible) else 0)


def _junk(characters: str) -> int:
    kinds = filter(_is_junk, set(characters))  # few, however long the text is
    return sum(characters.count(kind) for kind in kinds)


def _is_junk(character: str) -> bool:
    return character != _SOFT_BREAK and (
        character == "\ufffd" or unicodedata.category(character) in ("Cc", "Co", "Cn")
    )
