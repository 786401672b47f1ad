"""What of a page is shown for the words of a search: plain text around the first of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from ilios.documents.unspaced import UNSPACED, UNSPACED_LETTERS
from ilios.documents.search import WORDS_MAX
from ilios.engines import markdown_structure

AROUND_CHARACTERS: Final = 200  #: before the first word, and after it
BLOCK_CHARACTERS: Final = 4096  #: of a page that are looked through at once
WORD_CHARACTERS: Final = 128  #: beyond a block, for a word that begins in it
RANGES_MAX: Final = 100  #: of a snippet


class Match(NamedTuple):
    """Some of a page, and where words of the search stand in it: start and end, from 0."""

    page: int  #: its number, from 1
    snippet: str
    ranges: list[tuple[int, int]]


def match(page: int, markdown: str, q: str, *, within: int | None = None) -> Match:
    """Return what is shown of a page's Markdown: its beginning if the words are not seen in it.

    They are looked for in so many characters; in all if that is left out.
    """
    pattern = _pattern(q)
    first, last = _first(pattern, markdown if within is None else markdown[: max(0, within)])
    start = max(0, first - AROUND_CHARACTERS)
    if start and (cut := _CUT_WORD.match(markdown, start)):
        start = cut.end()
    part = markdown[start : last + AROUND_CHARACTERS]
    if last + AROUND_CHARACTERS < len(markdown):
        part = _CUT_WORD_AT_END.sub("", part)
    text = " ".join(markdown_structure.bare(part).split())
    return Match(page, text, list(islice(_places(pattern, folded(text)), RANGES_MAX)))


def _first(pattern: re.Pattern[str], text: str) -> tuple[int, int]:
    """Return where the first word stands; the beginning of the text if none is seen."""
    for start in range(0, len(text), BLOCK_CHARACTERS):
        before = max(0, start - 1)  # whether a word begins there depends on the letter before it
        block = folded(text[before : start + BLOCK_CHARACTERS + WORD_CHARACTERS])
        found = next(_places(pattern, block, start - before), None)
        if found and (found[1] < len(block) or before + len(block) >= len(text)):
            return before + found[0], before + found[1]
    return 0, 0


def _places(pattern: re.Pattern[str], text: str, start: int = 0) -> Iterator[tuple[int, int]]:
    """Yield where words of the search begin and end in a folded text, from `start` on."""
    for found in pattern.finditer(text, start):
        begin, end = found.span()
        is_part = (begin > 0 and _LETTER.match(text, begin - 1)) or _LETTER.match(text, end)
        if UNSPACED.match(text, begin) or not is_part:
            yield begin, end


def folded(text: str) -> str:
    """Return the text without case and accents, as long as it was: about what the index does."""
    return text.lower() if text.isascii() else text.translate(_FOLDS)


class _Folds(dict[int, int]):
    """The letter that stands for each, found when it is asked for."""

    def __missing__(self, letter: int) -> int:
        lower = chr(letter).lower()
        base = unicodedata.normalize("NFD", lower)[0] if len(lower) == 1 else chr(letter)
        self[letter] = ord(base)
        return self[letter]


_FOLDS: Final = _Folds()
_LETTER: Final = re.compile(rf"[^\W_{UNSPACED_LETTERS}]")
_WORD: Final = re.compile(rf"{_LETTER.pattern}+|{UNSPACED.pattern}")
_CUT_WORD: Final = re.compile(r"\S{0,30}\s")  #: a longer one is shown in part
_CUT_WORD_AT_END: Final = re.compile(r"\s\S{0,30}\Z")
_MARKS: Final = "[\u0300-\u036f]*+"  #: accents that are letters of their own
_APART: Final = r"(?<![a-z0-9])(?:{})(?![a-z0-9])"


@lru_cache(maxsize=64)
def _pattern(q: str) -> re.Pattern[str]:
    """Return what finds the words of a search in a folded text, also within some longer ones.

    That they stand on their own is looked at afterwards, except for the letters that most texts
    have: to compile it takes 10 ms a search.
    """
    tokens = dict.fromkeys(_WORD.findall(folded(q))[:WORDS_MAX])
    longest_first = sorted(tokens, key=len, reverse=True)
    spaced = [_with_marks(one) for one in longest_first if not UNSPACED.match(one)]
    unspaced = [_with_marks(one) for one in longest_first if UNSPACED.match(one)]
    apart = [_APART.format("|".join(spaced))] if spaced else []
    return re.compile("|".join([*apart, *unspaced]) or r"(?!)")


def _with_marks(token: str) -> str:
    return _MARKS.join(map(re.escape, token)) + _MARKS
