"""The write lock of the database. The kernel is asked for its holder, so nothing is locked."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ilios.operations.doctor.finding import Finding, error, ok

CHECK = "write lock"
OBSERVED_SECONDS: Final = 3.0  #: a transaction of ours takes some ms, a migration may take longer
POLL_SECONDS: Final = 0.1

# Where SQLite's own locks lie: https://sqlite.org/src/file/src/os_unix.c, the same since 3.7.
RESERVED_BYTE: Final = 0x40000001  #: of the database file, without WAL
WAL_WRITE_BYTE: Final = 120  #: of the file `-shm`
_FLOCK: Final = "hhqqi0q"  #: struct flock on 64-bit Linux: type, whence, start, length, pid


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
        asked = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, byte, 1, 0)
        kind, *_, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    finally:
        os.close(descriptor)
    return 0 if kind == fcntl.F_UNLCK else int(pid) or -1


def _name(pid: int) -> str:
    try:
        return f"process {pid} ({Path(f'/proc/{pid}/comm').read_text().strip()})"
    except OSError:
        return "a process of another container" if pid < 0 else f"process {pid}"
