"""References of Markdown to images of the document: it has their names alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final

_NAME_MAX_CHARACTERS: Final = 255
NAME: Final = rf"[A-Za-z0-9._-]{{1,{_NAME_MAX_CHARACTERS}}}"  #: of an image, as a pattern
_REFERENCE: Final = re.compile(rf"\]\(({NAME})(?=[\s)])")
_REFERENCE_MAX_CHARACTERS: Final = _NAME_MAX_CHARACTERS + 3  #: with its signs and what follows


def addressed(
    pieces: Iterable[str], names: frozenset[str], address: Callable[[str], Iterable[str]]
) -> Iterator[str]:
    """Yield Markdown whose references to these images lead to what `address` says of each name.

    What a reference may go on with is kept for the next piece.
    """
    if not names:
        yield from pieces
        return
    held = ""
    for piece in pieces:
        text = held + piece
        end = yield from _references(text, names, address, len(text) - _REFERENCE_MAX_CHARACTERS)
        held = text[end:]
    yield from _references(held, names, address, len(held))


def _references(
    text: str, names: frozenset[str], address: Callable[[str], Iterable[str]], end: int
) -> Generator[str, None, int]:
    """Yield the text with the references that begin before `end`; return where the rest begins."""
    place = 0
    for found in _REFERENCE.finditer(text):
        if found.start() >= end:
            break
        if found[1] in names:
            yield text[place : found.start(1)]
            yield from address(found[1])
            place = found.end(1)
    end = max(end, place)
    yield text[place:end]
    return end
