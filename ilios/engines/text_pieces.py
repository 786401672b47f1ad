"""Long pages of Markdown as plain text: cut between blocks, so that little is parsed at once.

A parser holds hundreds of bytes for each character. What has no gaps is cut all the same: a table
between its rows, a block of code between its lines, a paragraph between its words. Markup that such
a cut parts is written as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ilios.engines.plain_text import plain_text

PARSED_MAX_CHARACTERS: Final = 16 * 1024
"""Of Markdown that is parsed at once; a page of at most so many is parsed whole."""
ROW_MAX_CHARACTERS: Final = 16 * PARSED_MAX_CHARACTERS
"""Of a row of a table; a longer one is cut like a paragraph."""
WORDS_TRIED: Final = 100
_FENCE: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)
_RULE: Final = re.compile(r" {0,3}\|?[ :|-]*-[ :|-]*")
_BEGINS_BLOCK: Final = frozenset("#>-+*_=~|`")


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where Markdown is cut: what is parsed now, and what is left."""

    head: str
    between: str  #: the texts of both
    rest: str
    repeats_head: bool = False  #: the rest begins with a row that is not to be written


def plain_pieces(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the plain text of a page that comes in pieces."""
    held = between = ""
    repeats_head = has_begun = False
    for piece in _with_end(pieces):
        held += piece or ""
        while held and (piece is None or len(held) > PARSED_MAX_CHARACTERS):
            cut = _cut(held, is_whole=piece is None)
            if cut is None:
                break
            text = plain_text(cut.head)
            if repeats_head:
                text = text.partition("\n")[2]
            if text:
                yield between + text if has_begun else text
                has_begun = True
            held, between, repeats_head = cut.rest, cut.between, cut.repeats_head


def _cut(held: str, *, is_whole: bool) -> _Cut | None:
    """Return where to cut what is held; None when more of it must come before."""
    if len(held) <= PARSED_MAX_CHARACTERS:
        return _Cut(held, "", "")
    window = held[:PARSED_MAX_CHARACTERS]
    fences = list(_fences(window))
    gap = _gap(window, fences)
    if gap:
        return _Cut(held[:gap], "\n\n", held[gap:].lstrip("\n"))
    if fences and fences[-1][1] == len(window):
        return _in_code(held, fences[-1][0])
    columns = _columns(window)
    if columns:
        cut = _in_table(held, columns)
        if cut is None and len(held) < ROW_MAX_CHARACTERS:
            return _Cut(held, "", "") if is_whole else None
        if cut is not None:
            return cut
    return _between_lines(held) or _between_words(held)


def _fences(window: str) -> Iterator[tuple[int, int]]:
    """Yield where blocks of code begin and end; the last one may not end."""
    opened, mark = -1, ""
    for line in _FENCE.finditer(window):
        if opened < 0:
            opened, mark = line.start(), line[1]
        elif line[1].startswith(mark) and not line[2].strip():
            yield opened, line.end()
            opened = -1
    if opened >= 0:
        yield opened, len(window)


def _gap(window: str, fences: list[tuple[int, int]]) -> int:
    """Return the last blank line behind which a block begins at the margin; 0 without one."""
    place = window.rfind("\n\n")
    while place > 0:
        is_at_margin = window[place + 2 : place + 3] not in ("", "\n", " ", "\t")
        if is_at_margin and not any(start < place < end for start, end in fences):
            return place
        place = window.rfind("\n\n", 0, place + 1)
    return 0


def _in_code(held: str, start: int) -> _Cut:
    """Cut between the lines of a block of code, which ends, and begins anew."""
    opening = held[start : held.index("\n", start)] if "\n" in held[start:] else ""
    mark = re.match(r" {0,3}(?:`+|~+)", opening)
    fence = mark[0] if mark else "```"
    place = held.rfind("\n", start + len(opening) + 1, PARSED_MAX_CHARACTERS)
    head = held[: place if place > 0 else PARSED_MAX_CHARACTERS].rstrip("\n")
    rest = held[len(head) :].lstrip("\n")
    gap = held[len(head) : len(held) - len(rest)][:2]  # more blank lines are written as one
    return _Cut(f"{head}\n{fence}", gap, f"{fence}\n{rest}")


def _columns(window: str) -> int:
    """Return how many columns the table has that goes on at the end; 0 if it is none."""
    block = window[window.rfind("\n\n") + 1 :].lstrip("\n")
    _, _, below = block.partition("\n")
    rule = below.partition("\n")[0]
    if "|" not in rule or not _RULE.fullmatch(rule):
        return 0
    return rule.strip().strip("|").count("|") + 1


def _in_table(held: str, columns: int) -> _Cut | None:
    """Cut between the rows of a table, which goes on below a head of its own."""
    begun = held.rfind("\n\n", 0, PARSED_MAX_CHARACTERS) + 1
    rows = held.find("\n", held.find("\n", begun + 1) + 1)
    place = held.rfind("\n", 0, PARSED_MAX_CHARACTERS)
    if place <= rows:
        place = held.find("\n", max(PARSED_MAX_CHARACTERS, rows + 1))
    if place < 0 or rows < 0:
        return None
    head = f"{'|x' * columns}|\n{'|-' * columns}|\n"
    return _Cut(held[:place], "\n", head + held[place + 1 :], repeats_head=True)


def _between_lines(held: str) -> _Cut | None:
    place = held.rfind("\n", 1, PARSED_MAX_CHARACTERS)
    if place < 0:
        return None
    return _Cut(held[:place], "\n", held[place + 1 :].lstrip(" "))


def _between_words(held: str) -> _Cut:
    """Cut before a word; where there is none, between two characters."""
    place = PARSED_MAX_CHARACTERS
    for _ in range(WORDS_TRIED):
        place = held.rfind(" ", 1, place)
        if place < 0:
            break
        if held[place + 1].isalnum():
            return _Cut(held[:place], " ", held[place + 1 :])
    place = PARSED_MAX_CHARACTERS
    head = held[:place]
    place -= (len(head) - len(head.rstrip("\\"))) % 2  # a backslash stays with its character
    escape = "\\" if held[place] in _BEGINS_BLOCK else ""
    return _Cut(held[:place], "", escape + held[place:])


def _with_end(pieces: Iterable[str]) -> Iterator[str | None]:
    yield from pieces
    yield None
