"""The file system of the data folder: its type, and its free space."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ilios.core import data_folder, platform
from ilios.core.file_systems import NETWORK_TYPES, type_of
from ilios.core.settings import GIB, Settings
from ilios.core.spare_file import SpareFile
from ilios.operations.doctor.finding import Finding, error, ok, warning

CHECK = "file system"
SPACE_CHECK = "free disk"

TEMPORARY_TYPES: Final = {
    "overlay": "the container's own layer",
    "ramfs": "memory",
    "tmpfs": "memory",
}
"""Their data is lost when the container, or the machine, stops."""

LOW_SPACE_BYTES: Final = 2 * GIB  #: one file of the largest size, and its copy
LOW_INODES: Final = 10_000
TOO_FEW_INODES: Final = 1_000


def examine(settings: Settings) -> Iterator[Finding]:
    """Check the type of the file system, and that there is only one."""
    folder, *others = (_nearest(path) for path in data_folder.roots(settings))
    has_database = settings.database_url is None
    for path in dict.fromkeys((folder, *others)):
        kind = type_of(path.resolve(), platform.mounts())
        yield _kind_of(path, kind, has_database=has_database)
    parts = [path for path in data_folder.own_folders(settings) if path.exists()]
    strays = [path for path in (*others, *parts) if path.stat().st_dev != folder.stat().st_dev]
    if strays:
        yield error(
            CHECK,
            f"{strays[0]} is not on the file system of {folder}.",
            "Mount one volume at DATA_DIR, and leave LOCAL_DB_PATH unset.",
        )


def examine_space(settings: Settings) -> Iterator[Finding]:
    """Check that there is space for documents, in bytes and in files."""
    for path in dict.fromkeys(map(_nearest, data_folder.roots(settings))):
        found = os.statvfs(path)
        yield _space(path, found.f_bavail * found.f_frsize, settings.min_free_disk_bytes)
        if found.f_files:  # else the file system makes inodes as it needs them
            yield from _inodes(path, found.f_favail)
    yield from _spare(data_folder.spare_file(settings))


def _kind_of(path: Path, kind: str, *, has_database: bool) -> Finding:
    if kind in NETWORK_TYPES and not has_database:
        return warning(
            CHECK,
            f"{path} is on a network file system ({kind}): what arrives and is converted lies "
            "there meanwhile, and no two nodes may share it.",
            "Set DATA_DIR to a folder on a disk of this machine.",
        )
    if kind in NETWORK_TYPES:
        return error(
            CHECK,
            f"{path} is on a network file system ({kind}), where SQLite loses data.",
            "Set DATA_DIR to a folder on a disk of this machine, or DATABASE_URL to a PostgreSQL "
            "database.",
        )
    if kind in TEMPORARY_TYPES:
        return warning(
            CHECK,
            f"{path} lies in {TEMPORARY_TYPES[kind]} ({kind}), and is gone with it.",
            "Mount a volume at DATA_DIR.",
        )
    return ok(CHECK, f"{path} is on {kind}.")


def _space(path: Path, free_bytes: int, reserve_bytes: int) -> Finding:
    sentence = f"{free_bytes / GIB:.1f} GiB are free in {path}"
    remedy = "Free some, or enlarge the volume."
    if free_bytes < reserve_bytes:
        refusal = "nothing new is taken on (MIN_FREE_DISK_BYTES)"
        return error(SPACE_CHECK, f"Only {sentence}: {refusal}.", remedy)
    if free_bytes < LOW_SPACE_BYTES:
        return warning(SPACE_CHECK, f"Only {sentence}.", remedy)
    return ok(SPACE_CHECK, f"{sentence}.")


def _spare(spare: SpareFile) -> Iterator[Finding]:
    """Check the spare file, once a service has made its database."""
    if not spare.path.exists():
        if spare.path.with_suffix("").exists():
            yield ok(SPACE_CHECK, f"{spare.path} is not there yet: the service makes it.")
    elif not spare.path.is_file():
        yield error(
            SPACE_CHECK, f"{spare.path} is not a file.", "Remove it: the service makes another."
        )
    elif spare.missing_bytes():
        yield warning(
            SPACE_CHECK,
            f"{spare.path} was given up for writes on a full disk.",
            "Make room: the running service allocates it again by itself.",
        )


def _inodes(path: Path, free: int) -> Iterator[Finding]:
    sentence = f"Only {free} more files can be made in {path}, whatever their size."
    remedy = "Delete files that are not needed, or make the file system with more inodes."
    if free < TOO_FEW_INODES:
        yield error(SPACE_CHECK, sentence, remedy)
    elif free < LOW_INODES:
        yield warning(SPACE_CHECK, sentence, remedy)


def _nearest(path: Path) -> Path:
    """Return the path itself, or the closest parent that exists."""
    return next(place for place in (path, *path.parents) if place.exists())
