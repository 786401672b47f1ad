"""A font for text that is read, searched and selected, but not drawn.

Each code has the same glyph, a box that is half as wide as high: that is what viewers mark. It
stands for the character of its number; those beyond the first 65,536 get codes of the private area.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Final

EM_WIDTH: Final = 0.5  #: of each character, in parts of its height
CODES: Final = 65_536
PRIVATE: Final = range(0xE000, 0xF900)
"""Codes for characters beyond the others; more of them in one document are left out."""
GLYPH_OF_CODE: Final = b"\x00\x01" * CODES
_UNITS: Final = 1000
_MAGIC: Final = 0x5F0F3CF5
_LONGEST_RUN: Final = 100  #: entries of one block of a character map, as its format has it


def private_codes(texts: Iterable[str]) -> dict[str, int]:
    """Return codes for the characters of texts that have none of their own."""
    beyond = dict.fromkeys(c for text in texts for c in text if ord(c) >= CODES)
    return dict(zip(beyond, PRIVATE, strict=False))


def writable(text: str, private: Mapping[str, int]) -> str:
    """Return those characters of a text that have codes: their own, or a private one."""
    return "".join(c for c in text if c in private or (c.isprintable() and ord(c) < CODES))


def character_map(private: Mapping[str, int]) -> bytes:
    """Return which characters the codes stand for, in the language of PDF."""
    entries = [f"<{code:04X}> <{c.encode('utf-16-be').hex()}>" for c, code in private.items()]
    starts = range(0, len(entries), _LONGEST_RUN)
    runs = [entries[start : start + _LONGEST_RUN] for start in starts]
    lines = [
        "/CIDInit /ProcSet findresource begin",
        "12 dict begin",
        "begincmap",
        "/CMapName /Adobe-Identity-UCS def",
        "/CMapType 2 def",
        "1 begincodespacerange",
        "<0000> <FFFF>",
        "endcodespacerange",
        "1 beginbfrange",
        "<0000> <FFFF> <0000>",
        "endbfrange",
    ]
    for run in runs:
        lines += [f"{len(run)} beginbfchar", *run, "endbfchar"]
    return "\n".join([*lines, "endcmap", "end", "end", ""]).encode()


def font_file() -> bytes:
    """Return a TrueType font of an empty glyph and a box."""
    box = struct.pack(">5h", 1, 0, 0, _UNITS // 2, _UNITS)
    box += struct.pack(">HH4B", 3, 0, 1, 1, 1, 1)  # one outline of four points on it
    box += struct.pack(">8h", 0, 0, _UNITS // 2, 0, 0, _UNITS, 0, -_UNITS)
    box += bytes(-len(box) % 4)
    tables = {
        b"cmap": struct.pack(">HHHHI", 0, 1, 3, 1, 12)
        + struct.pack(">HHHHHHH", 4, 24, 0, 2, 2, 0, 0)
        + struct.pack(">HHHhH", 0xFFFF, 0, 0xFFFF, 1, 0),
        b"glyf": box,
        b"head": struct.pack(
            ">IIIIHHQQhhhhHHhhh",
            *(0x00010000, 0x00010000, 0, _MAGIC, 0, _UNITS, 0, 0),
            *(0, 0, _UNITS // 2, _UNITS, 0, 8, 2, 0, 0),
        ),
        b"hhea": struct.pack(
            ">IhhhHhhhhhh4hhH",
            *(0x00010000, _UNITS, 0, 0, _UNITS // 2, 0, 0, _UNITS // 2, 1, 0, 0),
            *(0, 0, 0, 0, 0, 2),
        ),
        b"hmtx": struct.pack(">HhHh", _UNITS // 2, 0, _UNITS // 2, 0),
        b"loca": struct.pack(">HHH", 0, 0, len(box) // 2),
        b"maxp": struct.pack(">IHHHHHHHHHHHHHH", 0x00010000, 2, 4, 1, 0, 0, 1, *[0] * 8),
        b"post": struct.pack(">IIhhIIIII", 0x00030000, 0, 0, 0, 1, 0, 0, 0, 0),
    }
    count = len(tables)
    offset = 12 + 16 * count
    directory, body = b"", b""
    for tag, table in sorted(tables.items()):
        padded = table + bytes(-len(table) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        directory += struct.pack(">4sIII", tag, checksum, offset + len(body), len(table))
        body += padded
    header = struct.pack(">IHHHH", 0x00010000, count, 128, 3, count * 16 - 128)
    return header + directory + body
