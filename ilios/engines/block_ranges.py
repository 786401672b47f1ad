"""Where texts that came beside a page's Markdown stand in it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Final

from ilios.engines import markdown_structure
from ilios.engines.folded_text import FoldedText, folded
from ilios.engines.page_structure import BlockType

WINDOW_CHARACTERS: Final = 4_000
"""So far behind the text before it a text is sought first."""
SOUGHT_MAX_CHARACTERS: Final = 50_000_000
"""Of a page, with every text that is not near: beyond them such texts are not found."""
SHORT_CHARACTERS: Final = 8
"""Shorter texts stand in the middle of others: of them only whole words count."""
SHORT_TRIES: Final = 20
Range = tuple[int, int]
_OUTSIDE: Final = ("header", "footer")
"""May have been taken out of the Markdown, so that nothing else is taken for them."""
_START: Final[Callable[[Range], int]] = itemgetter(0)
_END: Final[Callable[[Range], int]] = itemgetter(1)
_VISIBLE: Final = re.compile(r"\S")


def matched(markdown: str, found: Sequence[tuple[BlockType, str]]) -> list[Range | None]:
    """Return where blocks with these texts stand in a page's Markdown, which decides.

    Ranges do not overlap, and hold the signs around their letters. Blocks that are not found as
    they are get what stands between their neighbours: each its part if that can be divided among
    them, else all of them the same range. The range is empty for a block whose words are those of
    others, None for one that is nowhere.
    """
    text = _Text(markdown)
    texts = [content for _, content in found]
    folds = [folded(content) for content in texts]
    order, ranges = text.ordered(folds)
    for run, gap in _gaps(ranges, len(markdown)):
        waiting = [number for number in run if found[order[number]][0] not in _OUTSIDE]
        parts = text.parts(gap)
        if parts and len(parts) != len(waiting):
            parts = [(parts[0][0], parts[-1][1])] * len(waiting)
        for number, place in zip(waiting, parts, strict=False):
            ranges[number] = place
    by_block = dict(zip(order, ranges, strict=True))
    lost = [index for index in range(len(found)) if by_block[index] is None]
    taken = sorted({place for place in ranges if place is not None})
    by_block |= zip(lost, text.free(taken, [(texts[n], folds[n]) for n in lost]), strict=True)
    return [by_block[index] for index in range(len(found))]


def places(page: FoldedText, texts: Sequence[str]) -> Iterator[Range | None]:
    """Yield which folded characters of a page each folded text is; most come in their order."""
    cursor, left = 0, SOUGHT_MAX_CHARACTERS
    for text in texts:
        at = _found(page, text, cursor, cursor + WINDOW_CHARACTERS + len(text)) if text else -1
        if at < 0 and text and left >= len(page):
            left -= len(page)
            at = _found(page, text, 0, len(page))
        if at < 0:
            yield None
            continue
        cursor = at + len(text)
        yield at, cursor


def widened(
    markdown: str, page: FoldedText, wholes: Sequence[Range], found: Sequence[Range | None]
) -> list[Range | None]:
    """Return ranges of a text for those of its letters, with the signs around them.

    `wholes` are the ranges of its blocks, none of which is left; those of letters rise.
    """
    ranges: list[Range | None] = []
    last = 0
    for letters in found:
        if letters is None:
            ranges.append(None)
            continue
        start, end = page.place(letters[0]), page.place(letters[1] - 1) + 1
        first = max(wholes[bisect_right(wholes, start, key=_START) - 1][0], last)
        if page.folded_place(first) == letters[0]:
            start, _ = _visible(markdown, first, end) or (start, end)
        while start > first and _is_sign(markdown[start - 1]):
            start -= 1
        last = wholes[bisect_right(wholes, end - 1, key=_START) - 1][1]
        if page.folded_place(last) > letters[1]:
            last = end
            while last < len(markdown) and _is_sign(markdown[last]):
                last += 1
        ranges.append((start, last))
    return ranges


class _Text:
    """The Markdown of a page, in which the texts of blocks are sought."""

    def __init__(self, markdown: str) -> None:
        self._markdown = markdown
        self._page = FoldedText(markdown)
        self._wholes = [(block.start, block.end) for block in markdown_structure.blocks(markdown)]

    def ordered(self, folds: Sequence[str]) -> tuple[Sequence[int], list[Range | None]]:
        """Return the order of texts, and the ranges of those that are found, which rise in it.

        The order is that of the Markdown, if more of them are found that way.
        """
        letters = list(places(self._page, folds))
        ranges = self._rising(letters)
        starts: list[int] = []
        for place in letters:
            starts.append(place[0] if place else starts[-1] if starts else 0)
        order = sorted(range(len(folds)), key=starts.__getitem__)
        if None in ranges and any(before > after for before, after in pairwise(starts)):
            again = self._rising(list(places(self._page, [folds[index] for index in order])))
            if again.count(None) < ranges.count(None):
                return order, again
        return range(len(folds)), ranges

    def parts(self, gap: Range) -> list[Range]:
        """Return the blocks of Markdown in a gap."""
        start, end = gap
        first = bisect_right(self._wholes, start, key=_END)
        few = self._wholes[first : bisect_left(self._wholes, end, key=_START)]
        clipped = ((max(first, start), min(last, end)) for first, last in few)
        visible = (_visible(self._markdown, *part) for part in clipped)
        return [place for place in visible if place]

    def free(self, taken: list[Range], sought: Sequence[tuple[str, str]]) -> Iterator[Range | None]:
        """Yield where texts stand, each with its letters, in whatever order.

        A range that would overlap one that is `taken` is empty. Those rise.
        """
        found = places(self._page, [letters for _, letters in sought])
        for (text, _), letters in zip(sought, found, strict=True):
            place = self._rising([letters])[0]
            if place is None:
                yield (0, 0) if text and text in self._markdown else None
                continue
            after = bisect_left(taken, place)
            end_before = taken[after - 1][1] if after else 0
            if place[0] < end_before or (after < len(taken) and taken[after][0] < place[1]):
                yield (place[0], place[0])
                continue
            taken.insert(after, place)
            yield place

    def _rising(self, letters: list[Range | None]) -> list[Range | None]:
        return widened(self._markdown, self._page, self._wholes, _rising(letters))


def _found(page: FoldedText, text: str, start: int, end: int) -> int:
    at = page.find(text, start, end)
    if len(text) >= SHORT_CHARACTERS or at == start:
        return at
    for _ in range(SHORT_TRIES):
        if at < 0 or page.is_word(page.place(at), page.place(at + len(text) - 1) + 1):
            return at
        at = page.find(text, at + 1, end)
    return -1


def _rising(ranges: list[Range | None]) -> list[Range | None]:
    """Return the ranges without those that are out of order, which are as short as can be."""
    known = [(index, place) for index, place in enumerate(ranges) if place is not None]
    if all(before[1] <= after[0] for (_, before), (_, after) in pairwise(known)):
        return ranges
    kept = _longest_chain([place for _, place in known])
    rising: list[Range | None] = [None] * len(ranges)
    for number in kept:
        index, place = known[number]
        rising[index] = place
    return rising


def _longest_chain(ranges: Sequence[Range]) -> list[int]:
    """Return which of the ranges rise, so that they have as many characters as possible.

    A tree of Fenwick has the longest chain up to each end.
    """
    ends = sorted({end for _, end in ranges})
    tree = [(0, -1)] * (len(ends) + 1)
    before: list[int] = []
    for number, (start, end) in enumerate(ranges):
        length, last = max(tree[at] for at in _prefixes(bisect_right(ends, start)))
        before.append(last)
        chain = length + end - start, number
        at = bisect_left(ends, end) + 1
        while at < len(tree):
            tree[at] = max(tree[at], chain)
            at += at & -at
    _, number = max(tree[at] for at in _prefixes(len(ends)))
    chosen = []
    while number >= 0:
        chosen.append(number)
        number = before[number]
    return chosen


def _prefixes(at: int) -> Iterator[int]:
    yield 0
    while at:
        yield at
        at &= at - 1


def _is_sign(character: str) -> bool:
    return not (character.isalnum() or character.isspace())


def _gaps(ranges: Sequence[Range | None], length: int) -> Iterator[tuple[list[int], Range]]:
    """Yield runs of blocks that were not found, each with the range between its neighbours."""
    run: list[int] = []
    last = 0
    for index, place in enumerate((*ranges, (length, length))):
        if place is None:
            run.append(index)
            continue
        if run:
            yield run, (last, place[0])
        run, last = [], place[1]


def _visible(markdown: str, start: int, end: int) -> Range | None:
    """Return a range without the white space at its ends; None without anything else."""
    found = _VISIBLE.search(markdown, start, end)
    return found and (found.start(), start + len(markdown[start:end].rstrip()))
