"""Looks into a SQLite file and leaves no trace, in it or beside it, as far as that can be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pysqlite3
from sqlalchemy import Connection, NullPool, create_engine

BUSY_TIMEOUT_SECONDS = 30.0


@contextmanager
def connect(path: Path) -> Iterator[Connection]:
    """A connection that can only read."""
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        module=pysqlite3,
        creator=lambda: open_file(path),
        poolclass=NullPool,
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def open_file(path: Path, *, may_change: bool = False) -> Any:
    """A connection of the driver that reads what the last writer left.

    `may_change` when somebody may open the file while it is read, which may take long: then an
    empty `-wal` may stay behind.
    """
    options = "mode=ro" if may_change else _options(path)
    return pysqlite3.connect(
        f"file:{quote(str(path))}?{options}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_SECONDS,
    )


def _options(path: Path) -> str:
    if is_beside(path, "-journal"):
        return "mode=rw"  # its writer was killed: no reader may pass before that is undone
    if is_beside(path, "-wal") or is_beside(path, "-shm"):  # the first is empty until a write
        return "mode=ro"  # somebody has it open, or died with it open
    # Even a reader makes the files -wal and -shm where there are none, unless it is told that the
    # file does not change: right only while nobody has it open.
    return "mode=ro&immutable=1"


def is_beside(path: Path, suffix: str) -> bool:
    """Whether a file of this name is there, with something in it."""
    file = path.with_name(path.name + suffix)
    return file.exists() and file.stat().st_size > 0
