"""The file that a backup of a database is, whichever database it is of."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ilios.operations.backup.errors import BackupRefused

COUNTED: Final = {
    "documents": "documents",
    "pages": "pages",
    "jobs": "job_queue",
    "calls": "usage",
}
"""What the summary counts, and the tables that have it."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written: the schema's revision, and how much of what it holds."""

    path: Path
    size_bytes: int
    revision: str
    counts: dict[str, int]


def require_target(target: Path, own: Iterable[Path], *, replace: bool) -> None:
    """Raise BackupRefused when a file cannot be written; `own` are those of the service."""
    if target.resolve() in [path.resolve() for path in own]:
        raise BackupRefused(f"{target} is the service's own file: name another one.")
    if target.is_dir():
        raise BackupRefused(f"{target} is a folder: name a file in it.")
    if target.exists() and not replace:
        raise BackupRefused(f"{target} is there already: name another file, or use --force.")


def create(draft: Path) -> None:
    """Make the file for its owner alone to read; when root does, the folder's owner owns it."""
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:
            folder = draft.parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)


def counts_of(connection: Any) -> dict[str, int]:
    """Return how much a database holds; takes a connection of the driver."""
    return {
        noun: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        for noun, table in COUNTED.items()
    }
