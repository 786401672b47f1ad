"""What the slides of a PPT have in common, which the library reads again for each of them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ilios.engines import document_errors

READ_MAX_BYTES: Final = 2 * 1024**3
"""As many as a thousand slides with a master of 2 MiB have."""
_HEAD: Final = struct.Struct("<HHI")
_SLIDE: Final = 1006
_NOTES: Final = 1008
_MASTER: Final = 1016
_LISTED: Final = 1011  #: a place in the list of slides, masters or notes


def refuse(document: bytes, places: Mapping[int, int], kind: str) -> None:
    """Refuse a presentation in which few bytes make the library read very many.

    `places` are those of its records by their names. Raises DocumentTooLarge.
    """
    largest = max(_sizes(document, [*places.values(), *_top_level(document)]), default=0)
    times = sum(document.count(struct.pack("<H", name)) for name in (_LISTED, _SLIDE))
    if times * largest > READ_MAX_BYTES:
        raise document_errors.too_large(
            f"The slides of the {kind} have too much in common to be read for each of them",
            f"{READ_MAX_BYTES // 1024**3} GB",
        )


def _sizes(document: bytes, places: Iterable[int]) -> Iterator[int]:
    """Yield how large the slides, masters and notes at these places are."""
    for place in places:
        if place + _HEAD.size <= len(document):
            _, name, size = _HEAD.unpack_from(document, place)
            if name in (_SLIDE, _NOTES, _MASTER):
                yield min(size, len(document) - place)


def _top_level(document: bytes) -> Iterator[int]:
    """Yield the places of the records that no other holds."""
    place = 0
    while place + _HEAD.size <= len(document):
        yield place
        place += _HEAD.size + _HEAD.unpack_from(document, place)[2]
