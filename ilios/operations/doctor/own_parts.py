"""What the service makes in its data folder: each is there, usable, and closed to others."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from ilios.core import data_folder
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.operations.doctor.finding import Finding, error, refused, warning

CHECK = "data folder"


def examine(settings: Settings) -> Iterator[Finding]:
    """Check folders, node id and modes; what a first start has still to make is no fault."""
    for folder in (settings.data_folder / "tmp", *data_folder.own_folders(settings)):
        if finding := _broken(folder, is_used=data_folder.is_used(settings)):
            yield finding
    node_id = data_folder.node_id_file(settings)
    if node_id.exists() or node_id.is_symlink():
        try:
            data_folder.read_node_id(node_id)
        except StartupError as refusal:
            yield refused(CHECK, refusal)
    yield from _open_to_others(settings)


def _broken(folder: Path, *, is_used: bool) -> Finding | None:
    """Return the finding for a folder that the service cannot use; None when it can."""
    if folder.is_dir() or not folder.parent.is_dir():  # what lacks its parent is named by that
        return None
    if folder.is_symlink():
        return error(
            CHECK,
            f"{folder} is a link to what is no folder ({folder.readlink()}).",
            "Make that folder, or remove the link: then the next start makes a folder.",
        )
    if folder.exists():
        return error(
            CHECK,
            f"{folder} is a file, where the service needs a folder.",
            "Move it away: then the next start makes the folder.",
        )
    if not is_used:
        return None
    return error(
        CHECK,
        f"{folder} is missing.",
        "Restart the service, which makes it; restore a backup of it if it had documents.",
    )


def _open_to_others(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_folder
    is_open = [
        path for path in data_folder.own_files(settings) if path.stat().st_mode & data_folder.OTHERS
    ]
    if is_open:
        modes = f"{stat.S_IMODE(is_open[0].stat().st_mode):04o}"
        more = f" and {len(is_open) - 1} more" if len(is_open) > 1 else ""
        yield warning(
            CHECK,
            f"Other users of this machine may use {is_open[0]} (mode {modes}){more}.",
            f"Restart the service, which closes them, or run: chmod -R go-rwx {folder}",
        )
