"""Put the new database in the place of the predecessor's, which is kept beside it.

Whenever the process is killed, the database's name is that of the predecessor's complete file or of
ours.
"""

from __future__ import annotations

from datetime import datetime
from glob import escape
from pathlib import Path
from typing import Final

from ilios.core.durable_files import fsync, publish
from ilios.migration.legacy.predecessor import Predecessor

BACKUP_MODE: Final = 0o600  #: it holds the keys of clients in clear


def draft_of(path: Path) -> Path:
    """Return where the new database is written before it takes its place."""
    return path.with_name(f"{path.name}.adopting")


def remove_draft(path: Path) -> None:
    """Remove the draft of an adoption that failed or was killed."""
    draft = draft_of(path)
    for left in (draft, draft.with_name(f"{draft.name}-journal")):
        left.unlink(missing_ok=True)


def swap(source: Predecessor, now: datetime) -> Path:
    """Give the draft the name of the predecessor's file; return where that one is kept.

    The file itself is kept, under a second name, instead of a copy: that needs no space, and no
    byte of it can get lost.
    """
    path, draft = source.path, draft_of(source.path)
    fsync(draft)  # a disk that fails does so before anything of the predecessor's is touched
    source.checkpoint()
    for beside in ("-wal", "-shm"):  # empty now, and not to be taken for the new file's
        path.with_name(f"{path.name}{beside}").unlink(missing_ok=True)
    path.chmod(BACKUP_MODE)
    backup = _second_name(path, now)
    fsync(path.parent)
    publish(draft, path)
    return backup


def _second_name(path: Path, now: datetime) -> Path:
    for stray in path.parent.glob(f"{escape(path.stem)}.predecessor-*.db"):
        if stray.samefile(path):  # of an attempt that was killed just before the rename
            stray.unlink()
    backup = path.with_name(f"{path.stem}.predecessor-{now:%Y%m%dT%H%M%SZ}.db")
    backup.hardlink_to(path)
    return backup
