"""The write lock of the database. The kernel is asked for its holder, so nothing is locked."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ilios.core.platform import lock_holder, process_name
from ilios.operations.doctor.finding import Finding, error, ok

CHECK = "write lock"
OBSERVED_SECONDS: Final = 3.0  #: a transaction of ours takes some ms, a migration may take longer
POLL_SECONDS: Final = 0.1

# Where SQLite's own locks lie: https://sqlite.org/src/file/src/os_unix.c, the same since 3.7.
RESERVED_BYTE: Final = 0x40000001  #: of the database file, without WAL
WAL_WRITE_BYTE: Final = 120  #: of the file `-shm`


def examine_lock(path: Path) -> Iterator[Finding]:
    """Check that no process holds the write lock for OBSERVED_SECONDS."""
    holder = _writer(path)
    deadline = time.monotonic() + OBSERVED_SECONDS
    while holder and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        if _writer(path) != holder:
            holder = 0
    if not holder:
        yield ok(CHECK, "Nobody keeps the database from being written.")
        return
    yield error(
        CHECK,
        f"{path} has been locked by {_name(holder)} for {OBSERVED_SECONDS:.0f} s, "
        "so that nothing can be written.",
        "Stop that program, unless it is a migration: that one ends by itself.",
    )


def _writer(path: Path) -> int:
    """Return the process ID of the lock's holder: 0 without one, -1 in another container."""
    return _holder(path, RESERVED_BYTE) or _holder(
        path.with_name(path.name + "-shm"), WAL_WRITE_BYTE
    )


def _holder(path: Path, byte: int) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return lock_holder(descriptor, byte)
    finally:
        os.close(descriptor)


def _name(pid: int) -> str:
    if pid < 0:
        return "a process of another container"
    name = process_name(pid)
    return f"process {pid} ({name})" if name else f"process {pid}"
