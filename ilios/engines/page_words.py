"""The words of a page as they are stored: some of them in each JSON text.

A word is `[text, confidence, box]` without the nulls at its end; see ilios.engines.page_layout.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ilios.engines.page_layout import (
    decoded_confidence,
    dumped,
    encoded_box,
    encoded_confidence,
    short_list,
)
from ilios.engines.page_structure import Word

TEXT_MAX_CHARACTERS: Final = 64 * 1024
"""Of words that are stored and read at once, unless a single word has more."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a page, which are encoded one by one: a worker holds texts, not objects."""

    texts: tuple[str, ...] = ()

    @classmethod
    def of(cls, words: Iterable[Word]) -> Words:
        return cls(tuple(_texts(words)))

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts))


def decode(text: str) -> Iterator[Word]:
    """Yield the words of a text."""
    for item in json.loads(text):
        written, confidence, box = item + [None] * (3 - len(item))
        yield Word(written, decoded_confidence(confidence), box and tuple(box))


def _texts(words: Iterable[Word]) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for word in words:
        confidence = encoded_confidence(word.confidence)
        part = dumped(short_list([word.text, confidence, encoded_box(word.box)]))
        if held and size + len(part) > TEXT_MAX_CHARACTERS:
            yield _joined(held)
            held, size = [], 0
        held.append(part)
        size += len(part) + 1
    if held:
        yield _joined(held)


def _joined(parts: list[str]) -> str:
    return f"[{','.join(parts)}]"
