"""How deletions treat what they free: overwritten, unless the log of that would fill the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.orm import Session

from ilios.core.spare_file import WRITE_ROOM_BYTES, free_bytes


@contextmanager
def zeroed_if_room(session: Session, size_bytes: int) -> Iterator[None]:
    """Let the block delete about `size_bytes`; overwrite the pages that it frees if they fit twice.

    Every overwritten page goes through the write-ahead log, so that a deletion needs as much room
    as it frees. Without that room only the list of free pages is written, and the content is gone
    once `Database.give_back` has cut the pages off, or something else is written to them. On
    PostgreSQL that is the server's own business.
    """
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        yield
        return
    database = connection.engine.url.database or ""
    if 2 * size_bytes + WRITE_ROOM_BYTES <= free_bytes(Path(database).parent):
        yield
        return
    connection.exec_driver_sql("PRAGMA secure_delete=FAST")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
