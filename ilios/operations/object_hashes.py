"""Objects in their thousands: several at once, and SHA-256 of what is copied meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

AT_ONCE: Final = 8  #: objects on their way
TOGETHER: Final = 256  #: objects whose names are in memory
BLOCK_BYTES: Final = 1024 * 1024
Each = TypeVar("Each")
Done = TypeVar("Done")


def each_at_once(act: Callable[[Each], Done], objects: Iterator[Each]) -> Iterator[Done]:
    """Yield what is done with each of many objects, several at once, in their order."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        while some := list(islice(objects, TOGETHER)):
            yield from threads.map(act, some)


def sha256_of(stream: BinaryIO, copy: BinaryIO | None = None) -> str:
    """Return the hash of what is left of a stream, in hex; write it to a copy too, if given."""
    digest = hashlib.sha256()
    for block in _blocks(stream):
        digest.update(block)
        if copy is not None:
            copy.write(block)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the hash of a file, in hex."""
    with path.open("rb") as file:
        return sha256_of(file)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(BLOCK_BYTES):
        yield block
