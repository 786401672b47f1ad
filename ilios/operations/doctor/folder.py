"""The data folder: its existence, owner and permissions. Writes nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ilios.core import data_folder
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.operations.doctor import own_parts
from ilios.operations.doctor.finding import Finding, error, ok, refused, warning
from ilios.storage.signed_links import LinkSigner

CHECK = own_parts.CHECK
KEY_CHECK = "link-signing key"


def examine(settings: Settings) -> Iterator[Finding]:
    """Check that the service can read and write in its folder."""
    folder = settings.data_folder
    try:
        data_folder.require_short_path(settings)
    except StartupError as refusal:
        yield refused(CHECK, refusal)
    if not folder.exists():
        yield _absent(folder)
    elif not folder.is_dir():
        yield error(CHECK, f"{folder} is not a folder.", "Set DATA_DIR to a folder.")
    else:
        yield from own_parts.examine(settings)
        yield from _present(folder, data_folder.own_files(settings))


def examine_key(settings: Settings) -> Iterator[Finding]:
    """Check that links to objects can be signed."""
    key = data_folder.signing_key(settings)
    if not os.path.lexists(key):
        yield ok(KEY_CHECK, "The first start makes it.")
    else:
        try:
            LinkSigner.from_file(key)
        except StartupError as refusal:
            yield refused(KEY_CHECK, refusal)
        else:
            yield ok(KEY_CHECK, f"{key} is the service's alone.")


def service_user(folder: Path) -> int:
    """Return the user ID that the service runs as: ours, or in the image the folder's owner.

    The image starts as root and drops to the account that owns the folder; a command that is run
    inside it is root's.
    """
    return os.geteuid() or folder.stat().st_uid


def _absent(folder: Path) -> Finding:
    parent = next(path for path in folder.parents if path.exists())
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return ok(CHECK, f"{folder} is not there yet: the first start makes it.")
    return error(
        CHECK,
        f"{folder} is not there, and cannot be made in {parent}.",
        f"Make it and give it to user {os.geteuid()}, or set DATA_DIR to another folder.",
    )


def _present(folder: Path, own: list[Path]) -> Iterator[Finding]:
    user = service_user(folder)
    closed = [path for path in (folder, *own) if not _is_open_to(path, user)]
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        yield error(CHECK, f"{folder} is mounted read-only.", "Mount it so that it can be written.")
    elif closed:
        yield error(
            CHECK,
            f"User {user} cannot read and write {_listed(closed)}.",
            f"Give it to that user (chown -R {user} {folder}; chmod -R u+rwX {folder}), "
            "or set DATA_DIR to another folder.",
        )
    elif folder.stat().st_mode & stat.S_IWOTH:
        yield warning(
            CHECK, f"Every user of this machine can write {folder}.", f"Run: chmod o-w {folder}"
        )
    else:
        yield ok(CHECK, f"{folder} belongs to user {folder.stat().st_uid} and can be written.")


def _is_open_to(path: Path, user: int) -> bool:
    """Return whether a user may read and write there."""
    wanted = os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)
    if user == os.geteuid():
        return os.access(path, wanted)
    entry = path.stat()
    needed = wanted << 6  # the owner's bits
    return entry.st_uid == user and entry.st_mode & needed == needed


def _listed(paths: list[Path]) -> str:
    more = len(paths) - 1
    return f"{paths[0]} and {more} more" if more else str(paths[0])
