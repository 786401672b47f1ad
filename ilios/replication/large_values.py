"""Long texts are sent in pieces: a server takes rows of 5 MB at most, a page may have 64 MB.

A piece is stored under the hash of its whole text, so sending it twice, or too early, changes
nothing. The row has a reference (a BLOB; our schema has no others) in place of the text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from ilios.replication.errors import RemoteFault
from ilios.replication.remote import Remote, Statement, Value
from ilios.replication.schema import Table, quoted

PIECE_CHARACTERS: Final = 256 * 1024  #: at most 1 MiB
PIECES_PER_REQUEST: Final = 4

CREATE_PIECES: Final = (
    "CREATE TABLE ilios_replica_pieces (id BLOB, place INTEGER, text TEXT, PRIMARY KEY (id, place))"
)


def is_long(value: Value) -> bool:
    return isinstance(value, str) and len(value) > PIECE_CHARACTERS


def reference(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def with_references(row: Sequence[Value]) -> tuple[Value, ...]:
    """Return the row with references in place of long texts."""
    return tuple(
        reference(value) if isinstance(value, str) and is_long(value) else value for value in row
    )


def statements(text: str) -> Iterator[Statement]:
    """Yield the statement that stores each piece of a text."""
    insert = "INSERT OR IGNORE INTO ilios_replica_pieces VALUES (?, ?, ?)"
    name = reference(text)
    for start in range(0, len(text), PIECE_CHARACTERS):
        yield insert, (name, start, text[start : start + PIECE_CHARACTERS])


def with_texts(remote: Remote, row: Sequence[Value]) -> tuple[Value, ...]:
    """Return the row with its long texts, read from the remote, in place of references."""
    return tuple(_text(remote, value) if isinstance(value, bytes) else value for value in row)


def remove_unused(tables: Sequence[Table]) -> Statement:
    """Return the statement that deletes texts without a reference."""
    used = " UNION ALL ".join(
        f"SELECT {quoted(column)} FROM {quoted(table.name)} WHERE typeof({quoted(column)}) = 'blob'"
        for table in tables
        for column in table.columns
    )
    return f"DELETE FROM ilios_replica_pieces WHERE id NOT IN ({used})", ()


def _text(remote: Remote, name: bytes) -> str:
    places = remote.read("SELECT place FROM ilios_replica_pieces WHERE id = ? ORDER BY place", name)
    piece = "SELECT text FROM ilios_replica_pieces WHERE id = ? AND place = ?"
    text = "".join(str(remote.read(piece, name, place)[0][0]) for (place,) in places)
    if reference(text) != name:
        raise RemoteFault(
            "The Turso database lacks pieces of a long text: restore one of its own backups."
        )
    return text
