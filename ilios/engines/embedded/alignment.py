"""Gives the blocks of a page the places at which the page shows their texts.

Markdown and places come from one reading of a page by different ways: lines are joined, signs
escaped, pictures renamed. So each placed text is sought among the letters of the Markdown.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from operator import itemgetter
from typing import Final

from ilios.engines import block_ranges
from ilios.engines.block_ranges import Range
from ilios.engines.folded_text import FoldedText
from ilios.engines.page_structure import Block, BlockType, Box, Line, union

COVERED_ENOUGH: Final = 0.6
"""A block has a box if so many of its letters have places."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What a page shows at a place: a text, an image, or a table whose text is not known.

    `letters` are folded; see ilios.engines.folded_text.
    """

    box: Box
    letters: str = ""
    kind: BlockType = "text"
    name: str | None = None  #: of an image
    confidence: float | None = None
    is_line: bool = False  #: as it was recognised


_Found = tuple[Range, Placed]
"""A place, and which folded characters of the page it shows."""


def with_places(
    markdown: str, blocks: Sequence[Block], places: Sequence[Placed], lines: Sequence[Placed] = ()
) -> list[Block]:
    """Return blocks with boxes, confidence and lines, as far as they are known.

    `lines` place those letters that `places` do not. Blocks that have a box keep it.
    """
    if not blocks or not (places or lines):
        return list(blocks)
    page = FoldedText(markdown)
    ends = [page.folded_place(block.end) for block in blocks]
    owners, found = _owned(page, ends, places)
    for index, parts in _owned(page, ends, lines)[1].items():
        found[index] += _beside(found[index], parts)
    told = list(blocks)
    for index, parts in found.items():
        characters = ends[index] - (ends[index - 1] if index else 0)
        is_covered = sum(map(_weight, parts)) >= COVERED_ENOUGH * characters
        if is_covered and blocks[index].box is None:
            told[index] = replace(
                blocks[index],
                box=_around(parts),
                confidence=_mean_confidence(parts),
                lines=tuple(_lines(markdown, page, blocks[index], parts)),
            )
    _place_images(told, places)
    _place_unread(told, places, owners, {index: _around(parts) for index, parts in found.items()})
    return told


def _owned(
    page: FoldedText, ends: Sequence[int], places: Sequence[Placed]
) -> tuple[list[int | None], dict[int, list[_Found]]]:
    """Return the block of each place, if it is known, and the places of each block."""
    ranges = list(block_ranges.places(page, [place.letters for place in places]))
    owners = [letters and _owner(ends, letters) for letters in ranges]
    found: dict[int, list[_Found]] = defaultdict(list)
    for place, letters, owner in zip(places, ranges, owners, strict=True):
        if letters is not None and owner is not None:
            found[owner].append((letters, place))
    return owners, found


def _owner(ends: Sequence[int], letters: Range) -> int | None:
    """Return the block that has all these letters; `ends` are those of the blocks."""
    index = bisect_right(ends, letters[0])
    return index if letters[1] <= ends[index] else None


def _beside(known: Sequence[_Found], parts: Sequence[_Found]) -> Iterator[_Found]:
    """Yield those parts of a block that show none of the letters that are known."""
    ranges = sorted(letters for letters, _ in known)
    starts = [start for start, _ in ranges]
    ends = list(accumulate((end for _, end in ranges), max))
    for part in parts:
        (start, end), _ = part
        before = bisect_left(starts, end)
        if not before or ends[before - 1] <= start:
            yield part


def _around(parts: Sequence[_Found]) -> Box:
    return union([place.box for _, place in parts])


def _weight(part: _Found) -> int:
    (start, end), _ = part
    return end - start


def _mean_confidence(parts: Sequence[_Found]) -> float | None:
    """Return the confidence of the parts that have one, weighted by letters."""
    scores = [(place.confidence, _weight((letters, place))) for letters, place in parts]
    known = [(score, weight) for score, weight in scores if score is not None]
    total = sum(weight for _, weight in known)
    return sum(score * weight for score, weight in known) / total if total else None


def _lines(
    markdown: str, page: FoldedText, block: Block, parts: Sequence[_Found]
) -> Iterator[Line]:
    """Yield the recognised lines of a block in the order of its text."""
    rising: list[_Found] = []
    for part in sorted((part for part in parts if part[1].is_line), key=itemgetter(0)):
        if not rising or rising[-1][0][1] <= part[0][0]:
            rising.append(part)
    letters = [letters for letters, _ in rising]
    ranges = block_ranges.widened(markdown, page, [(block.start, block.end)], letters)
    for place, (_, line) in zip(ranges, rising, strict=True):
        if place is not None:
            yield Line(*place, line.box, line.confidence)


def _place_images(blocks: list[Block], places: Sequence[Placed]) -> None:
    """Give images the places of their names, in order: the same one may be shown twice."""
    boxes: dict[str, deque[Box]] = defaultdict(deque)
    for place in places:
        if place.name is not None:
            boxes[place.name].append(place.box)
    for index, block in enumerate(blocks):
        if block.image_name is not None and block.box is None and boxes[block.image_name]:
            blocks[index] = replace(block, box=boxes[block.image_name].popleft())


def _place_unread(
    blocks: list[Block],
    places: Sequence[Placed],
    owners: Sequence[int | None],
    shown: Mapping[int, Box],
) -> None:
    """Give tables and code without known texts the places between those of their neighbours.

    One of which some letters are `shown` elsewhere gets none.
    """
    following = [len(blocks)]
    for owner in reversed(owners):
        following.append(following[-1] if owner is None else owner)
    waiting: dict[BlockType, deque[int]] = defaultdict(deque)
    for index, block in enumerate(blocks):
        if block.box is None:
            waiting[block.type].append(index)
    first = 0
    for place, owner, last in zip(places, owners, following[-2::-1], strict=True):
        if owner is not None:
            first = owner
        elif not place.letters and place.name is None:
            indexes = waiting[place.kind]
            while indexes and (indexes[0] < first or not _may_hold(place, shown.get(indexes[0]))):
                indexes.popleft()
            if indexes and indexes[0] < last:
                first = indexes.popleft()
                blocks[first] = replace(blocks[first], box=place.box)


def _may_hold(place: Placed, box: Box | None) -> bool:
    """Return whether the middle of a box is in a place; True if no box is known."""
    if box is None:
        return True
    left, top, right, bottom = place.box
    return left <= (box[0] + box[2]) / 2 <= right and top <= (box[1] + box[3]) / 2 <= bottom
