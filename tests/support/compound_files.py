"""OLE compound files, such as Outlook messages, that the tests write themselves."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

SECTOR: Final = 512
MINI_SECTOR: Final = 64
MINI_BELOW: Final = 4096
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_ROOT, _STORAGE, _STREAM = 5, 1, 2

Tree = Mapping[str, "bytes | Tree"]


def compound(tree: Tree) -> bytes:
    """Return a compound file with these streams, and the storages that hold others."""
    entries: list[_Entry] = [_Entry("Root Entry", _ROOT)]
    entries[0].child = _add(tree, entries)
    mini = b""
    chains: list[tuple[_Entry, bytes]] = []
    mini_table: list[int] = []
    for entry in entries:
        if entry.kind != _STREAM or not entry.content:
            continue
        if len(entry.content) >= MINI_BELOW:
            chains.append((entry, entry.content))
            continue
        entry.start = len(mini) // MINI_SECTOR
        padded = _padded(entry.content, MINI_SECTOR)
        count = len(padded) // MINI_SECTOR
        mini_table += [*range(entry.start + 1, entry.start + count), _END]
        mini += padded
    entries[0].content = mini
    mini_bytes = _padded(struct.pack(f"<{len(mini_table)}I", *mini_table), SECTOR, b"\xff")
    directory_bytes = bytes(SECTOR // 4 * len(entries))
    parts = [(_Entry("", 0), _padded(directory_bytes, SECTOR)), (_Entry("", 0), mini_bytes)]
    parts += [(entries[0], _padded(mini, SECTOR)), *((e, _padded(c, SECTOR)) for e, c in chains)]
    sectors = sum(len(content) // SECTOR for _, content in parts)
    tables = 1
    while tables * (SECTOR // 4) < sectors + tables:
        tables += 1
    table = [_TABLE] * tables
    for entry, content in parts:
        entry.start = len(table)
        count = len(content) // SECTOR
        table += [*range(entry.start + 1, entry.start + count), _END] if count else []
    table += [_FREE] * (tables * (SECTOR // 4) - len(table))
    header = _header(tables, parts[0][0].start, parts[1][0].start, len(mini_bytes) // SECTOR)
    directory = _padded(b"".join(entry.packed() for entry in entries), SECTOR)
    body = b"".join([directory, *(content for _, content in parts[1:])])
    return header + struct.pack(f"<{len(table)}I", *table) + body


class _Entry:
    """An entry of the directory."""

    def __init__(self, name: str, kind: int, content: bytes = b"") -> None:
        self.name, self.kind, self.content = name, kind, content
        self.before = self.behind = self.child = _FREE
        self.start = 0

    def packed(self) -> bytes:
        name = self.name.encode("utf-16-le")[:62]
        size = len(self.content)
        return struct.pack(
            "<64sHBBIII16sIQQIQ",
            *(name, len(name) + 2, self.kind, 1, self.before, self.behind, self.child),
            *(bytes(16), 0, 0, 0, self.start if size else _END, size),
        )


def _add(tree: Tree, entries: list[_Entry]) -> int:
    """Add what a storage holds; return the place of the entry that leads to all of it."""
    added: list[tuple[int, _Entry]] = []
    for name, content in sorted(tree.items(), key=lambda item: (len(item[0]), item[0].upper())):
        stream = content if isinstance(content, bytes) else None
        entry = _Entry(name, _STORAGE if stream is None else _STREAM, stream or b"")
        added.append((len(entries), entry))
        entries.append(entry)
        if not isinstance(content, bytes):
            entry.child = _add(content, entries)
    return _balanced(added)


def _balanced(entries: Sequence[tuple[int, _Entry]]) -> int:
    if not entries:
        return _FREE
    middle = len(entries) // 2
    place, entry = entries[middle]
    entry.before = _balanced(entries[:middle])
    entry.behind = _balanced(entries[middle + 1 :])
    return place


def _padded(content: bytes, to: int, fill: bytes = b"\0") -> bytes:
    return content + fill * (-len(content) % to)


def _header(tables: int, directory: int, mini_table: int, mini_sectors: int) -> bytes:
    header = bytearray(SECTOR)
    header[:8] = bytes.fromhex("d0cf11e0a1b11ae1")
    struct.pack_into("<HHHHH", header, 24, 0x3E, 3, 0xFFFE, 9, 6)
    first_mini = mini_table if mini_sectors else _END
    struct.pack_into("<III", header, 44, tables, directory, 0)
    struct.pack_into("<IIIII", header, 56, MINI_BELOW, first_mini, mini_sectors, _END, 0)
    struct.pack_into(f"<{tables}I", header, 76, *range(tables))
    header[76 + 4 * tables :] = b"\xff" * (SECTOR - 76 - 4 * tables)
    return bytes(header)


def text(tag: int, said: str) -> dict[str, bytes]:
    """Return the stream of a text property of a message."""
    return {f"__substg1.0_{tag:04X}001F": said.encode("utf-16-le")}


def narrow(tag: int, said: bytes) -> dict[str, bytes]:
    """Return the stream of a text property in a code page."""
    return {f"__substg1.0_{tag:04X}001E": said}


def binary(tag: int, content: bytes) -> dict[str, bytes]:
    return {f"__substg1.0_{tag:04X}0102": content}


def short(head_bytes: int, **numbers: int) -> dict[str, bytes]:
    """Return the list of short properties; keywords are `n0C15` for a number, `t0039` a moment."""
    rows = b"".join(
        struct.pack("<HHIQ", 0x40 if name[0] == "t" else 3, int(name[1:], 16), 6, number)
        for name, number in numbers.items()
    )
    return {"__properties_version1.0": bytes(head_bytes) + rows}


def ticks(moment: datetime) -> int:
    """Return a moment as Windows counts it."""
    return int((moment - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000
