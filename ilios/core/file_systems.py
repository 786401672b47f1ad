"""File systems: which one a path lies on, and where a SQLite database must not lie."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ilios.core import platform
from ilios.core.errors import DatabaseRefused

_FUSE: Final = ("fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs")
NETWORK_TYPES: Final = frozenset(("afs", "cifs", "nfs", "nfs4", "smb3", "smbfs", *_FUSE))
"""Locks and shared memory, which SQLite needs, do not work there."""


def type_of(path: Path, mounts: str) -> str:
    """Return the type of an absolute path's file system, by the text of /proc/mounts."""
    best, kind = -1, "unknown"
    for line in mounts.splitlines():
        _, point, fs_type, *_ = line.split(" ")
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), point)
        # Of several on one point, the last one covers the others.
        if path.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), fs_type
    return kind


def require_local(folder: Path) -> None:
    """Raise DatabaseRefused when the folder of a SQLite database is another machine's."""
    kind = type_of(folder.resolve(), platform.mounts())
    if kind in NETWORK_TYPES:
        raise DatabaseRefused(
            f"{folder} is on a network file system ({kind}), where SQLite loses data. Set DATA_DIR "
            "to a folder on a disk of this machine, or DATABASE_URL to a PostgreSQL database."
        )
