"""Decides between two readings of a page, block by block and line by line.

One reading is the layout's Markdown, the other the lines of PDFium. Each can lack letters, tear
words or take glyphs for characters where the other does not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby, islice
from typing import Final

from ilios.engines.embedded import markdown
from ilios.engines.embedded.image_files import Box
from ilios.engines.embedded.pdf import blocks, fidelity
from ilios.engines.embedded.pdf.blocks import Piece
from ilios.engines.embedded.pdf.lines import TextLine
from ilios.engines.embedded.text import hyphenation

SHORT_WORDS: Final = 3
TORN_WORDS: Final = 2
LOST_OF_TABLE: Final = 0.1
"""A table that lacks more of its text than this is written as lines."""
REACH: Final = 3.0
"""Points by which a line may stand out of its block."""
PAIRS_MAX: Final = 2_000_000
"""Blocks times lines of a page; one that has more is written as plain text."""
GARBLED_LETTERS: Final = 10


@dataclass(frozen=True, slots=True)
class Repaired:
    """A page's Markdown with the better reading of each block."""

    pieces: tuple[Piece, ...]
    layout_lost: bool  #: whether a table had to be written as lines
    unreadable: tuple[Piece, ...]  #: pieces that neither reading tells

    @property
    def markdown(self) -> str:
        return re.sub(r"\n{3,}", "\n\n", blocks.joined(self.pieces)).strip()


def differ(layout: str, text: str) -> bool:
    """Return whether the two readings of a page differ in words, in their pieces or in order."""
    if _astral(text) > _astral(layout):
        return True
    got, wanted = fidelity.folded(layout), fidelity.tokens(text)
    lost = fidelity.lost_words(got, wanted)
    if any(len(word) >= SHORT_WORDS or not word.isascii() for word in lost):
        return True
    if lost.total() >= SHORT_WORDS or fidelity.torn_words(got, wanted) >= TORN_WORDS:
        return True
    return not fidelity.keeps_lines(got, [fidelity.folded(line) for line in text.split("\n")])


def _astral(text: str) -> int:
    """Count letters beyond U+FFFF, of which the layout's reader makes spaces."""
    return (
        sum(character > "\uffff" for character in text) if max(text, default="") > "\uffff" else 0
    )


def is_too_long(parts: Sequence[object], lines: Sequence[TextLine]) -> bool:
    """Return whether a page has more blocks and lines than can be looked at in pairs."""
    return len(parts) * len(lines) > PAIRS_MAX


def repaired(parts: Sequence[Piece], lines: Sequence[TextLine]) -> Repaired:
    """Take for each block the reading that has its text; lines without a block are put in."""
    owners = _owners(parts, lines)
    owned: dict[int | None, list[TextLine]] = {}
    for line, owner in zip(lines, owners, strict=True):
        owned.setdefault(owner, []).append(line)
    chosen = list(parts)
    lost_layout = False
    unreadable = []
    for place, part in enumerate(parts):
        own = owned.get(place)
        if not own:
            continue
        if part.is_text:
            chosen[place] = _better(part, own)
        elif part.box is not None:
            chosen[place], is_lost = _better_table(part, own)
            lost_layout |= is_lost
        if chosen[place] is part and _is_unreadable(part, own):
            unreadable.append(part)
    with_strays = _with_strays(chosen, lines, owners)
    return Repaired(with_strays, lost_layout, tuple(unreadable))


def written(lines: Sequence[str]) -> str:
    """Write lines of one paragraph, their hyphenated words joined."""
    text = markdown.escaped(lines[0].strip())
    for line in lines[1:]:
        text = hyphenation.joined(text, markdown.escaped(line.strip()))
    return text


def _owners(parts: Sequence[Piece], lines: Sequence[TextLine]) -> list[int | None]:
    """Return for each line the place of the smallest block around its middle.

    Of blocks that overlap, those come first that have the line's words left for it.
    """
    boxes = [
        (_area(part.box), place, _widened(part.box))
        for place, part in enumerate(parts)
        if part.box is not None
    ]
    around = [_around(line, boxes) for line in lines]
    if all(len(found) < 2 for found in around):
        return [found[0][1] if found else None for found in around]
    left = {place: fidelity.tokens(parts[place].start + parts[place].text) for _, place, _ in boxes}
    owners: list[int | None] = []
    for line, found in zip(lines, around, strict=True):
        words = fidelity.tokens(line.text)
        text = line.text.strip()
        having = [each for each in found if words <= left[each[1]]] or [
            each for each in found if len(text) > 1 and text in parts[each[1]].text
        ]
        owner = min(having or found)[1] if found else None
        if owner is not None:
            left[owner] -= words
        owners.append(owner)
    return owners


def _around(line: TextLine, boxes: Sequence[tuple[float, int, Box]]) -> list[tuple[float, int]]:
    """Return area and place of the blocks around the middle of a line."""
    x, y = line.middle
    return [
        (area, place)
        for area, place, (left, top, right, bottom) in boxes
        if top <= y <= bottom and left <= x <= right
    ]


def _widened(box: Box) -> Box:
    left, top, right, bottom = box
    return left - REACH, top - REACH, right + REACH, bottom + REACH


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _better(part: Piece, own: Sequence[TextLine]) -> Piece:
    clean = [line for line in own if not fidelity.is_junk_line(line.text)]
    if len(clean) < len(own) or not _is_worse(part.start + part.text, clean):
        return part
    text = written([line.text for line in clean])
    if part.kind == "list_item":
        text = markdown.escaped_start(_without_marker(text, part.text))
    start = part.start.rstrip("*")
    shown = text if start.strip() else markdown.escaped_start(text)
    return replace(part, start=start, text=shown, end=part.end.lstrip("*"))


def _without_marker(text: str, item: str) -> str:
    """Take the bullet or number away that the item's own marker stands for."""
    first, _, rest = text.partition(" ")
    return rest if rest and not item.startswith(first) and len(first) <= 4 else text


def _is_worse(layout: str, lines: Sequence[TextLine]) -> bool:
    """Return whether the layout's text of a block lacks, tears or shuffles words of its lines."""
    by_line = [fidelity.folded(line.text) for line in lines]
    wanted = [word for words in by_line for word in words]
    got = fidelity.folded(layout)
    if got == wanted:  # so it is with nearly all blocks
        return False
    extra = _extra(got, wanted)
    if fidelity.lost_words(got, Counter(wanted)):
        if not extra or sorted("".join(got)) == sorted("".join(wanted)):
            return True  # letters are lacking, or in another order
        text = " ".join(line.text for line in lines)
        return fidelity.plausibility(layout) + 0.1 < fidelity.plausibility(text)
    if fidelity.torn_words(got, Counter(wanted)):
        return True
    return not extra and not fidelity.keeps_lines(got, by_line)


def _extra(got: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return words that the layout has and its lines have not, however those are cut."""
    joined = "".join(wanted)
    extra = Counter(got) - Counter(wanted)
    return [word for word in islice(extra, fidelity.MOST_SOUGHT) if word not in joined]


def _better_table(part: Piece, own: Sequence[TextLine]) -> tuple[Piece, bool]:
    """Keep a table that has nearly all of its text; write another as lines."""
    if any(fidelity.is_junk_line(line.text) for line in own):
        return part, False
    wanted = Counter(word for line in own for word in fidelity.folded(line.text))
    got = fidelity.folded(part.text)
    lost = fidelity.lost_words(got, wanted)
    total = sum(len(word) * count for word, count in wanted.items())
    share = sum(len(word) * count for word, count in lost.items()) / max(total, 1)
    torn = fidelity.torn_words(got, wanted)
    if share <= LOST_OF_TABLE and torn <= max(LOST_OF_TABLE * len(wanted), 1):
        return part, False
    lines = [markdown.escaped_line(line.text.strip()) for line in own]
    return replace(part, kind="other", text=markdown.HARD_BREAK.join(lines)), True


def _is_unreadable(part: Piece, own: Sequence[TextLine]) -> bool:
    """Return whether neither reading of a block makes sense."""
    if not all(fidelity.is_junk_line(line.text) for line in own):
        return False
    letters = sum(not character.isspace() for character in part.text)
    return letters >= GARBLED_LETTERS and not fidelity.is_plausible(part.text)


def _with_strays(
    parts: Sequence[Piece], lines: Sequence[TextLine], owners: Sequence[int | None]
) -> tuple[Piece, ...]:
    """Put lines that are in no block, and whose words are nowhere, behind the block above them."""
    lost = _lost(blocks.joined(parts), lines, owners)
    after: dict[int, list[Piece]] = {}
    for above, near in groupby(lost, key=lambda line: _above(line, parts)):
        text = markdown.escaped_start(written([line.text for line in near]))
        after.setdefault(above, []).append(Piece("paragraph", "\n\n", text, "\n\n", None))
    chosen = list(after.get(-1, []))
    for place, part in enumerate(parts):
        chosen += [part, *after.get(place, [])]
    return tuple(chosen)


def _above(line: TextLine, parts: Sequence[Piece]) -> int:
    """Return the lowest block that begins above a line, in its column if there is one; else -1."""
    left, top, right, bottom = line.box
    middle = (top + bottom) / 2
    begun = [
        (part.box[0] < right and left < part.box[2], part.box[3], place)
        for place, part in enumerate(parts)
        if part.box is not None and part.box[1] < middle
    ]
    return max(begun)[2] if begun else -1


def _lost(
    layout: str, lines: Sequence[TextLine], owners: Sequence[int | None]
) -> Iterator[TextLine]:
    """Yield the lines in no block whose words the Markdown has not left for them."""
    got = fidelity.folded(layout)
    all_ = Counter(got)
    joined, spaced = "".join(got), f" {' '.join(got)} "
    left = all_.copy()
    sought = 0

    @cache
    def holds(word: str) -> bool:
        nonlocal sought
        sought += 1
        if sought > fidelity.MOST_SOUGHT:
            return False
        return f" {' '.join(word)} " in spaced if len(word) < SHORT_WORDS else word in joined

    for line, owner in zip(lines, owners, strict=True):
        if owner is not None:
            left.subtract(fidelity.folded(line.text))
    for line, owner in zip(lines, owners, strict=True):
        if owner is not None or fidelity.is_junk_line(line.text):
            continue
        words = fidelity.folded(line.text)
        lacking = [word for word in words if left[word] <= 0 and (word in all_ or not holds(word))]
        if 2 * sum(map(len, lacking)) >= sum(map(len, words)) > 0:
            yield line
        else:
            left.subtract(words)
