"""The blocks of a page as they are stored: a JSON text beside each piece of its Markdown.

A text has the version of its form, then the blocks that begin in its piece, each as
`[gap, length, type, level, box, confidence, table, image, text, lines]` without the nulls at its
end. `gap` counts from the end of the block before, that of the first block from the beginning of
the piece. Boxes are rounded to tenths, confidence is in thousandths.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ilios.engines import page_text
from ilios.engines.page_structure import BLOCK_TYPES, Block, Box, Line
from ilios.engines.page_text import SpooledTexts

TEXT_MAX_CHARACTERS: Final = 512 * 1024
"""Of the blocks that begin in one piece of Markdown; the last of more become one of text."""
_VERSION: Final = 1
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_TYPES: Final = {name: number for number, name in enumerate(BLOCK_TYPES)}
_NONE: Final = f"[{_VERSION}]"


@dataclass(frozen=True, slots=True)
class Layout:
    """The blocks of a page, which are encoded one by one: a worker holds texts, not objects."""

    texts: tuple[str, ...] | SpooledTexts = ()  #: up to the last piece in which a block begins
    is_cut: bool = False  #: blocks were too many, so that the last of a piece are one

    @classmethod
    def of(cls, blocks: Iterable[Block]) -> Layout:
        """Encode blocks, which rise and do not overlap."""
        texts: list[_Text] = []
        for block in blocks:
            number = _piece_of(block)
            while len(texts) <= number:
                texts.append(_Text(len(texts) * page_text.PIECE_MAX_CHARACTERS))
            texts[number].add(block)
        return cls(tuple(text.whole() for text in texts), any(text.is_cut for text in texts))

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts))

    def pieces(self) -> Iterator[str]:
        """Yield a text for each piece of the page's Markdown, without end: the last have none."""
        yield from self.texts
        while True:
            yield _NONE


def decode(text: str, piece: int) -> Iterator[Block]:
    """Yield the blocks that begin in a piece, which counts from 0, with ranges in the page."""
    _, *items = json.loads(text)
    place = piece * page_text.PIECE_MAX_CHARACTERS
    for item in items:
        block = _block(item, place)
        yield block
        place = block.end


def encoded_box(box: Box | None) -> list[float] | None:
    """Return a box in tenths of its unit, in as few digits as that takes."""
    return box and [int(side) if side.is_integer() else side for side in _rounded(box)]


def encoded_confidence(confidence: float | None) -> int | None:
    """Return thousandths."""
    return None if confidence is None else round(confidence * 1000)


def decoded_confidence(thousandths: int | None) -> float | None:
    """Return what `encoded_confidence` was given, to three places."""
    return None if thousandths is None else thousandths / 1000


def short_list(values: list[Any]) -> list[Any]:
    """Return a list without the nulls at its end."""
    while values and values[-1] is None:
        values.pop()
    return values


def dumped(value: Any) -> str:
    """Return JSON that is as short as it can be."""
    return _encode(value)


class _Text:
    """The text of one piece, as it grows."""

    def __init__(self, start: int) -> None:
        self._parts = [_NONE[:-1]]
        self._size = len(_NONE)
        self._place = start  #: the end of the block before
        self._rest: Block | None = None  #: stands for all blocks from the first that had no room

    @property
    def is_cut(self) -> bool:
        return self._rest is not None

    def add(self, block: Block) -> None:
        if self._rest is not None:
            self._rest = Block("text", self._rest.start, block.end)
            return
        part = dumped(_encoded(block, self._place))
        if self._size + len(part) + 1 > TEXT_MAX_CHARACTERS:
            self._rest = Block("text", block.start, block.end)
            return
        self._append(part)
        self._place = block.end

    def whole(self) -> str:
        if self._rest is not None and self._rest.end > self._rest.start:
            self._append(dumped(_encoded(self._rest, self._place)))
        return ",".join(self._parts) + "]"

    def _append(self, part: str) -> None:
        self._parts.append(part)
        self._size += len(part) + 1


def _piece_of(block: Block) -> int:
    """Return in which piece a block is kept; what stands between two is kept with the first."""
    is_empty = block.start == block.end
    return max(0, block.start - is_empty) // page_text.PIECE_MAX_CHARACTERS


def _encoded(block: Block, place: int) -> list[Any]:
    return short_list(
        [
            block.start - place,
            block.end - block.start,
            _TYPES[block.type],
            block.level,
            encoded_box(block.box),
            encoded_confidence(block.confidence),
            block.table_id,
            block.image_name,
            block.text,
            list(_encoded_lines(block)) or None,
        ]
    )


def _encoded_lines(block: Block) -> Iterator[list[Any]]:
    place = block.start
    for line in block.lines:
        yield short_list(
            [
                line.start - place,
                line.end - line.start,
                encoded_box(line.box),
                encoded_confidence(line.confidence),
            ]
        )
        place = line.end


def _block(item: list[Any], place: int) -> Block:
    gap, length, type_, level, box, confidence, table, image, text, lines = _filled(item, 10)
    start = place + gap
    return Block(
        BLOCK_TYPES[type_],
        start,
        start + length,
        level=level,
        box=box and tuple(box),
        confidence=decoded_confidence(confidence),
        table_id=table,
        image_name=image,
        text=text,
        lines=tuple(_lines(lines or (), start)),
    )


def _lines(items: Iterable[list[Any]], place: int) -> Iterator[Line]:
    for gap, length, box, confidence in (_filled(item, 4) for item in items):
        start = place + gap
        place = start + length
        yield Line(start, place, tuple(box), decoded_confidence(confidence))


def _filled(values: list[Any], count: int) -> list[Any]:
    return values + [None] * (count - len(values))


def _rounded(box: Box) -> Iterator[float]:
    return (round(float(side), 1) for side in box)
