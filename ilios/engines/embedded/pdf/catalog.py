"""What a PDF's objects mention by name, found without a parser of PDF."""

from __future__ import annotations

import mmap
import re
import zlib
from pathlib import Path
from typing import Final

PACKED_MAX_BYTES: Final = 64 * 1024 * 1024
"""So much of the packed objects is looked at; beyond it, every name counts as mentioned."""
_PACKED = re.compile(rb"/ObjStm\b.{0,400}?\bstream\r?\n", re.DOTALL)


def mentions(path: Path, *names: bytes) -> set[bytes]:
    """Return those of `names` that may stand in the file's objects.

    A name that is not returned is certainly not used: encrypted files mention all of them.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = {name for name in names if content.find(name) >= 0}
        if len(found) == len(names) or content.find(b"/ObjStm") < 0:
            return found
        if content.find(b"/Encrypt") >= 0:
            return set(names)
        return found | _in_packed_objects(content, set(names) - found)


def _in_packed_objects(content: mmap.mmap, names: set[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    left = PACKED_MAX_BYTES
    for match in _PACKED.finditer(content):
        unpacked = _unpacked(content, match.end(), left)
        left -= len(unpacked)
        if left <= 0:
            return names
        found |= {name for name in names if name in unpacked}
        if found == names:
            break
    return found


def _unpacked(content: mmap.mmap, start: int, most: int) -> bytes:
    """Unpack a stream; nothing is returned of one that is packed otherwise."""
    unpacker = zlib.decompressobj()
    parts: list[bytes] = []
    size = 0
    try:
        while not unpacker.eof and size < most and start < len(content):
            piece = unpacker.decompress(content[start : start + 65_536], most - size)
            parts.append(piece)
            size += len(piece)
            start += 65_536
    except zlib.error:
        pass
    return b"".join(parts)
