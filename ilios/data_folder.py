"""The data folder: what lies where, and whether we may write there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ilios.errors import StartupError
from ilios.settings import Settings

MAX_SOCKET_PATH = 107  #: bytes; sockaddr_un.sun_path less its final NUL


def uploads(settings: Settings) -> Path:
    """Files that are arriving; the web processes' own."""
    return settings.data_folder / "tmp" / "uploads"


def workspaces(settings: Settings) -> Path:
    """One folder for each running job; the workers' own."""
    return settings.data_folder / "tmp" / "jobs"


def workspace(workspaces: Path, job_id: str, lease_token: str) -> Path:
    """The folder of one attempt at a job, among the others."""
    return workspaces / f"{job_id}-{lease_token}"


def answers(settings: Settings) -> Path:
    """Paid answers that the database does not have yet; see ilios.kept_answers."""
    return settings.data_folder / "answers"


def wake_socket(settings: Settings) -> Path:
    """Where the supervisor listens for wake-up datagrams."""
    return settings.data_folder / "run" / "wake.sock"


def supervisor_lock(settings: Settings) -> Path:
    """Held by the supervisor and its workers, so that the next one waits for all of them."""
    return settings.data_folder / "run" / "supervisor.lock"


def supervisor_state(settings: Settings) -> Path:
    """What the supervisor last said of itself; see ilios.heartbeat."""
    return settings.data_folder / "run" / "supervisor.json"


def objects(settings: Settings) -> Path:
    """The local store's objects."""
    return settings.data_folder / "objects"


def web_lock(settings: Settings) -> Path:
    """Held by gunicorn and its workers, so that no second one takes their uploads away."""
    return settings.data_folder / "run" / "web.lock"


def node_id_file(settings: Settings) -> Path:
    return settings.data_folder / "node-id"


def prepare(settings: Settings) -> None:
    """Create the folders.

    Raises StartupError with the cause and the remedy when the data folder cannot be used.
    """
    folder = settings.data_folder
    too_long = len(os.fsencode(wake_socket(settings))) - MAX_SOCKET_PATH
    if too_long > 0:
        raise StartupError(
            f"DATA_DIR is {str(folder)!r}, {too_long} bytes too long for a socket inside it; "
            "for example DATA_DIR=/data."
        )
    try:
        settings.database_path.parent.mkdir(parents=True, exist_ok=True)
        own = (
            uploads(settings),
            workspaces(settings),
            answers(settings),
            objects(settings),
            folder / "run",
        )
        for path in own:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = path / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
    except OSError as error:
        raise StartupError(
            f"The data folder {folder} cannot be written ({error.strerror}): give it to user "
            f"{os.getuid()} (chown -R {os.getuid()} {folder}), or set DATA_DIR to another folder."
        ) from error


def empty(folder: Path) -> None:
    """Remove everything below a folder of temporary files, left by a process that died."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
