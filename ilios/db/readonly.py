"""Read a SQLite file without changing it or, as far as possible, the files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, NullPool, create_engine

from ilios.db.driver import sqlite

BUSY_TIMEOUT_SECONDS = 30.0


@contextmanager
def connect(path: Path) -> Iterator[Connection]:
    """Open a connection that can only read."""
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        module=sqlite,
        creator=lambda: open_file(path),
        poolclass=NullPool,
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def open_file(path: Path, *, may_change: bool = False) -> Any:
    """Open a connection of the driver that reads what the last writer left.

    Give `may_change` when another process may open the file while it is read; an empty `-wal` may
    then stay behind.
    """
    options = "mode=ro" if may_change else _options(path)
    return sqlite.connect(
        f"file:{quote(str(path))}?{options}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_SECONDS,
    )


def _options(path: Path) -> str:
    if has_sidecar(path, "-journal"):
        return "mode=rw"  # its writer was killed: no reader may pass before that is undone
    if has_sidecar(path, "-wal") or has_sidecar(path, "-shm"):  # the first is empty until a write
        return "mode=ro"  # a process has it open, or was killed with it open
    # Even a reader makes the files -wal and -shm where there are none, unless it is told that the
    # file does not change: right only while no process has it open.
    return "mode=ro&immutable=1"


def has_sidecar(path: Path, suffix: str) -> bool:
    """Return whether the file `path` + `suffix` is there and not empty."""
    file = path.with_name(path.name + suffix)
    return file.exists() and file.stat().st_size > 0
