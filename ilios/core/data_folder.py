"""The data folder: its paths, and the check that it can be written."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from ilios.core import ids
from ilios.core.durable_files import create
from ilios.core.errors import StartupError
from ilios.core.platform import MAX_SOCKET_PATH, SHARED_MEMORY
from ilios.core.spare_file import SpareFile

if TYPE_CHECKING:  # as in ilios.core.telemetry.logs
    from ilios.core.settings import Settings

NODE_ID_MAX_BYTES = 256
WAKE_SOCKET = Path("run", "wake.sock")
OTHERS = stat.S_IRWXG | stat.S_IRWXO
DATABASE_SUFFIXES = ("", "-wal", "-shm", ".write-lock", ".migrate-lock", ".restore-lock", ".spare")


def uploads(settings: Settings) -> Path:
    """Return the folder of files that are arriving; only web processes write there."""
    return settings.data_folder / "tmp" / "uploads"


def workspaces(settings: Settings) -> Path:
    """Return the folder of the jobs' folders; only workers write there."""
    return settings.data_folder / "tmp" / "jobs"


def workspace(workspaces: Path, job_id: str, lease_token: str) -> Path:
    """Return the folder of one attempt at a job."""
    return workspaces / f"{job_id}-{lease_token}"


def answers(settings: Settings) -> Path:
    """Return the folder of paid answers that the database does not have yet.

    See ilios.storage.answer_spool.
    """
    return settings.data_folder / "answers"


def spool(settings: Settings) -> Path:
    """Return the folder of what the bucket has just got; see ilios.storage.object_spool."""
    return settings.data_folder / "spool"


def page_images(settings: Settings) -> Path:
    """Return the folder of pages that were drawn; see ilios.storage.page_image_cache."""
    return settings.data_folder / "page-images"


def wake_socket(settings: Settings) -> Path:
    """Return the socket on which the supervisor receives wake-up datagrams."""
    return settings.data_folder / WAKE_SOCKET


def supervisor_lock(settings: Settings) -> Path:
    """Return the lock of a supervisor and its workers: the next one waits for all of them."""
    return settings.data_folder / "run" / "supervisor.lock"


def supervisor_state(settings: Settings) -> Path:
    """Return the file of the supervisor's last heartbeat; see ilios.operations.heartbeat."""
    return settings.data_folder / "run" / "supervisor.json"


def interrupted(settings: Settings) -> Path:
    """Return the file of jobs that a stop interrupted and could not release.

    See ilios.workers.interrupted_jobs.
    """
    return settings.data_folder / "run" / "interrupted.json"


def request_rates(settings: Settings) -> Path:
    """Return the folder of the keys' recent requests; see ilios.accounts.rate_limits."""
    return settings.data_folder / "run" / "rates"


def metrics(settings: Settings) -> tuple[Path, Path]:
    """Return the folders for the processes' counts, the better one first.

    One is in /dev/shm: a page mapped from a disk is a SIGBUS when the disk fails, and a wait when
    it is slow. The other is for machines without it. The data folder's device and inode are part
    of the name, for two containers of one pod share /dev/shm.
    """
    return in_shared_memory(settings.data_folder), settings.data_folder / "run" / "metrics"


def in_shared_memory(folder: Path) -> Path:
    """Return the folder in /dev/shm of a data folder that is there."""
    found = folder.stat()
    return SHARED_MEMORY / f"ilios-{os.getuid()}-{found.st_dev:x}-{found.st_ino:x}"


def disk_promises(settings: Settings) -> Path:
    """Return the folder of what running writes were promised; see ilios.core.disk_promises."""
    return settings.data_folder / "run" / "promises"


def large_parser_lock(folder: Path) -> Path:
    """Return the lock, in a data folder, of the one parser that may take much memory."""
    return folder / "run" / "large-parser.lock"


def objects(settings: Settings) -> Path:
    """Return the folder of the local store's objects."""
    return settings.data_folder / "objects"


def web_lock(settings: Settings) -> Path:
    """Return the lock of gunicorn and its workers: a second one must not remove their uploads."""
    return settings.data_folder / "run" / "web.lock"


def web_node_lock(settings: Settings) -> Path:
    """Return the lock of the web process that says to a cluster that this node lives."""
    return settings.data_folder / "run" / "web-node.lock"


def node_id_file(settings: Settings) -> Path:
    return settings.data_folder / "node-id"


def node_id(settings: Settings) -> str:
    """Return this data folder's node id, drawn at its first start.

    Raises StartupError for a file that holds no id.
    """
    path = node_id_file(settings)
    if not path.exists():
        create(path, ids.new_id().encode())
    return read_node_id(path)


def read_node_id(path: Path) -> str:
    """Return the node id of a file. Raises StartupError for one that holds none."""
    try:
        with path.open("rb") as file:
            text = file.read(NODE_ID_MAX_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if not ids.is_id(text):
        raise StartupError(
            f"{path} does not hold the id of this node. Delete it: the next start draws another, "
            "and jobs that ran go on when their leases end."
        )
    return text


def signing_key(settings: Settings) -> Path:
    """Return the file of the key that signs the local store's links."""
    return settings.data_folder / "link-signing.key"


def webhook_key(settings: Settings) -> Path:
    """Return the file of the key that the keys' webhook secrets are derived from."""
    return settings.data_folder / "webhook-signing.key"


def password_key(settings: Settings) -> Path:
    """Return the file of the key that the passwords of documents are sealed under."""
    return settings.data_folder / "password-sealing.key"


def webhook_sender_lock(settings: Settings) -> Path:
    """Return the lock of the worker that sends events: one of them does."""
    return settings.data_folder / "run" / "webhooks.lock"


def spare_file(settings: Settings) -> SpareFile:
    """Return the space that is given up on a full disk: by the database, and for paid answers."""
    if settings.database_url is not None:
        return SpareFile(settings.data_folder / "ilios")
    return SpareFile(settings.database_path)


def roots(settings: Settings) -> tuple[Path, ...]:
    """Return the folders that everything lies in: the data folder, and that of a SQLite file."""
    if settings.database_url is not None:
        return (settings.data_folder,)
    return settings.data_folder, settings.database_path.parent


def is_used(settings: Settings) -> bool:
    """Return whether a service has worked here before."""
    if settings.database_url is not None:
        return node_id_file(settings).exists()
    return settings.database_path.exists()


def own_files(settings: Settings) -> list[Path]:
    """Return what the service has made so far: database, folders, files; not what folders hold."""
    made = (
        *_database_files(settings),
        settings.data_folder / "tmp",
        *own_folders(settings),
        supervisor_lock(settings),
        web_lock(settings),
        node_id_file(settings),
        signing_key(settings),
        webhook_key(settings),
        password_key(settings),
    )
    return [path for path in made if path.exists()]


def _database_files(settings: Settings) -> tuple[Path, ...]:
    if settings.database_url is not None:
        return (spare_file(settings).path,)
    database = settings.database_path
    return tuple(database.with_name(database.name + suffix) for suffix in DATABASE_SUFFIXES)


def own_folders(settings: Settings) -> tuple[Path, ...]:
    """Return the folders in which every process of the service may write."""
    return (
        uploads(settings),
        workspaces(settings),
        answers(settings),
        spool(settings),
        page_images(settings),
        objects(settings),
        wake_socket(settings).parent,
        request_rates(settings),
    )


def require_short_path(settings: Settings) -> None:
    """Raise StartupError when a socket's path in the data folder would be too long."""
    too_long = excess_bytes(settings.data_folder)
    if too_long > 0:
        raise StartupError(
            f"DATA_DIR is {str(settings.data_folder)!r}, {too_long} bytes too long for a socket "
            "inside it; for example DATA_DIR=/data."
        )


def excess_bytes(folder: Path) -> int:
    """Return by how many bytes the path of a data folder is too long for its socket, if above 0."""
    return len(os.fsencode(folder / WAKE_SOCKET)) - MAX_SOCKET_PATH


def prepare(settings: Settings) -> None:
    """Create the folders, and close to other users what earlier versions left open to them.

    Raises StartupError with the cause and the remedy when the data folder cannot be used.
    """
    folder = settings.data_folder
    require_short_path(settings)
    try:
        for path in roots(settings):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        spare_file(settings).give_up_if_short()  # a start on a full disk needs some
        for path in own_folders(settings):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = path / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink(missing_ok=True)  # another process may be emptying the folder
        close_to_others(settings)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StartupError(
                f"The data folder {folder} is on a full disk: free a few MiB of it, "
                "or enlarge the volume."
            ) from error
        raise StartupError(
            f"The data folder {folder} cannot be written ({error.strerror}): give it to user "
            f"{os.getuid()} (chown -R {os.getuid()} {folder}), or set DATA_DIR to another folder."
        ) from error


def close_to_others(settings: Settings) -> None:
    """Take group's and others' rights from our own files and folders, where they are ours.

    The data folder itself keeps its mode: it may be a mount point, or hold what is not ours.
    """
    for path in own_files(settings):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & OTHERS and path.stat().st_uid == os.geteuid():
            path.chmod(mode & ~OTHERS)


def empty(folder: Path) -> None:
    """Remove everything in a folder of temporary files that a dead process left behind."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
