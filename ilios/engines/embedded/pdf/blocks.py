"""Finds the blocks of a page in its Markdown, so that single ones can be changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ilios.engines.embedded.image_files import Box

_PREFIX = re.compile(r"\s*+(?:#{1,6} |[-+] |\d{1,9}[.)] |\* ?)*+")
PREFIX_MAX_CHARACTERS: Final = 100
"""Of a line before the text of its block; farther in, what is found is another text."""
_SUFFIX = re.compile(r"\*{0,3}\s*?(?=\n|$)")
_OWN_TEXT: Final = frozenset({"heading", "paragraph", "list_item"})


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page's layout; `text` is its Markdown, None for tables, code and figures."""

    kind: str
    text: str | None
    box: Box


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a page's Markdown: what stands before its text (`- `, `## `), the text, its place.

    Joined, the pieces of a page are its Markdown.
    """

    kind: str
    start: str
    text: str
    end: str
    box: Box | None

    @property
    def is_text(self) -> bool:
        return self.kind in _OWN_TEXT


def pieces(markdown: str, blocks: Sequence[Block]) -> list[Piece]:
    """Cut a page's Markdown into its blocks; if they are not found one after another, it is one."""
    found: list[Piece] = []
    waiting: list[Block] = []
    position = 0
    for block in blocks:
        if block.text is None or block.kind not in _OWN_TEXT:
            waiting.append(block)
            continue
        place = _place(markdown, block.text, position)
        if place is None:
            return [Piece("other", "", markdown, "", None)]
        start, at, end, after = place
        found += _other(markdown[position:start], waiting)
        text = markdown[at:end]
        found.append(Piece(block.kind, markdown[start:at], text, markdown[end:after], block.box))
        waiting, position = [], after
    return found + _other(markdown[position:], waiting)


def joined(parts: Sequence[Piece]) -> str:
    return "".join(part.start + part.text + part.end for part in parts)


def _place(markdown: str, text: str, position: int) -> tuple[int, int, int, int] | None:
    """Return where the block's first line begins, its text begins and ends, its last line ends."""
    at = markdown.find(text, position)
    while at >= 0:
        start = max(markdown.rfind("\n", 0, at) + 1, position)
        suffix = _SUFFIX.match(markdown, at + len(text))
        is_near = at - start <= PREFIX_MAX_CHARACTERS
        if suffix and is_near and _PREFIX.fullmatch(markdown, start, at):
            return start, at, at + len(text), suffix.end()
        at = markdown.find(text, at + 1)
    return None


def _other(between: str, waiting: Sequence[Block]) -> list[Piece]:
    """Return what stands between blocks of text: one piece for each table, if they can be told."""
    if not between.strip():
        return [Piece("space", "", between, "", None)] if between else []
    shown = [block for block in waiting if block.kind not in ("rule", "figure")]
    parts = re.split(r"(\n\s*\n)", between.strip("\n"))
    if len(shown) == len(parts[::2]):
        contents = [
            Piece(block.kind, "", part, gap, block.box)
            for block, part, gap in zip(shown, parts[::2], [*parts[1::2], ""], strict=True)
        ]
    else:
        box = _union([block.box for block in shown]) if shown else None
        contents = [Piece("other", "", between.strip("\n"), "", box)]
    head = between[: len(between) - len(between.lstrip("\n"))]
    tail = between[len(between.rstrip("\n")) :]
    return [Piece("space", "", head, "", None), *contents, Piece("space", "", tail, "", None)]


def _union(boxes: Sequence[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
