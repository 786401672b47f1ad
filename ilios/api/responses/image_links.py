"""Links to the images of a result: its Markdown has their names alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

_NAME_MAX_CHARACTERS = 255
_REFERENCE = re.compile(rf"\]\(([A-Za-z0-9._-]{{1,{_NAME_MAX_CHARACTERS}}})(?=[\s)])")
_REFERENCE_MAX_CHARACTERS: Final = _NAME_MAX_CHARACTERS + 3  #: with its signs and what follows


def folder_of(document_id: str) -> str:
    """Return what stands before the name of an image in a link to it here."""
    return f"/api/documents/{document_id}/images/"


def linked(pieces: Iterable[str], names: frozenset[str], folder: str) -> Iterator[str]:
    """Yield Markdown whose references to these images are links into a folder.

    What a reference may go on with is kept for the next piece.
    """
    if not names:
        yield from pieces
        return
    held = ""
    for piece in pieces:
        text = held + piece
        written, held = _references(text, names, folder, len(text) - _REFERENCE_MAX_CHARACTERS)
        yield written
    yield _references(held, names, folder, len(held))[0]


def _references(text: str, names: frozenset[str], folder: str, end: int) -> tuple[str, str]:
    """Write the references that begin before `end`; return the text up to there, and the rest."""
    written: list[str] = []
    place = 0
    for found in _REFERENCE.finditer(text):
        if found.start() >= end:
            break
        if found[1] in names:
            written += text[place : found.start()], f"]({folder}"
            place = found.start(1)
    end = max(end, place)
    return "".join([*written, text[place:end]]), text[end:]
