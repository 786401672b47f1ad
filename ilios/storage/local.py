"""An object store in a folder, for a service on one machine."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from ilios.core import clock, computing
from ilios.core.conversion_errors import ObjectMissing
from ilios.core.durable_files import fsync
from ilios.core.errors import StartupError
from ilios.storage import object_keys
from ilios.storage.base import ListedObject, ObjectInfo
from ilios.storage.disk_errors import MISSING, disk_errors
from ilios.storage.signed_links import Link, LinkSigner

KEPT_DEPTH = 2  #: folders such as `documents/<instance>` stay when they become empty
NAMING_ATTEMPTS = 100  #: each fails when a delete removes the folder in between


class LocalStore:
    """Objects as files below `root`, which is on the file system of the files given to `put`.

    Objects are replaced, never written in place, so an open one keeps its bytes and a copy may
    share them. Paths are text: for each document, pathlib would take as long as the kernel.
    """

    name = "local"

    def __init__(self, root: Path, links: LinkSigner, public_url: str | None) -> None:
        """Create `root` if needed. Without `public_url`, links are paths: `/objects/{token}`.

        Raises StartupError when `root` cannot be made.
        """
        self.root = root
        self.links = links
        self._base_url = (public_url or "").rstrip("/")
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            fsync(root.parent)
        except OSError as error:
            raise StartupError(
                f"The folder {root} for stored objects cannot be made: {error.strerror}. "
                f"Give the service's user read and write access to {root.parent}."
            ) from error
        self._durable_folders: set[str] = set()
        """Relative to `root`: they are never removed, and the names down to them are durable."""

    def put(
        self,
        key: str,
        path: Path,
        media_type: str,  # noqa: ARG002  # links carry it
        sha256: str | None = None,  # noqa: ARG002  # for stores that send it
    ) -> None:
        target = self._path(key)
        with computing.waiting(), disk_errors():
            fsync(path)  # before the rename, else a power cut leaves a name without its bytes
            _with_folders(target, lambda: os.rename(path, target))
            self._make_durable(key)

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        with disk_errors():
            return Path(self._path(key)).open("rb")

    def fetch(self, key: str, path: Path, sha256: str | None = None) -> None:  # noqa: ARG002
        original = self._path(key)
        with disk_errors():
            if not os.path.isfile(original):
                raise ObjectMissing(MISSING)
            os.link(original, path)

    def stat(self, key: str) -> ObjectInfo:
        path = self._path(key)
        with disk_errors():
            status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise ObjectMissing(MISSING)
        return ObjectInfo(size_bytes=status.st_size)

    def presign_get(self, key: str, *, expires: timedelta, file_name: str, media_type: str) -> str:
        expires_at = clock.now() + expires
        return self._url(Link("GET", key, expires_at, file_name=file_name, media_type=media_type))

    def presign_put(self, key: str, *, expires: timedelta, size_bytes: int) -> str:
        return self._url(Link("PUT", key, clock.now() + expires, size_bytes=size_bytes))

    def copy(self, source: str, target: str) -> None:
        original, copied = self._path(source), self._path(target)
        with disk_errors():
            if not os.path.isfile(original):
                raise ObjectMissing(MISSING)
            _with_folders(copied, lambda: _link(Path(original), Path(copied)))
            self._make_durable(target)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with suppress(ObjectMissing), disk_errors():
            os.unlink(path)
        for _ in range(key.count("/") - KEPT_DEPTH):
            path = _folder_of(path)
            try:
                os.rmdir(path)
            except OSError:  # not empty, or gone already
                return

    def listed(self, folder: str) -> Iterator[ListedObject]:
        for path in _files_below(Path(self._path(folder))):
            with suppress(ObjectMissing):  # deleted since
                with disk_errors():
                    changed = path.lstat().st_ctime  # its other times are those of what it copies
                key = path.relative_to(self.root).as_posix()
                yield ListedObject(key, datetime.fromtimestamp(changed, UTC))

    def close(self) -> None:
        pass

    def _path(self, key: str) -> str:
        object_keys.segments(key)  # refuses one that leads elsewhere
        return f"{self.root}/{key}"

    def _url(self, link: Link) -> str:
        return f"{self._base_url}/objects/{self.links.sign(link)}"

    def _make_durable(self, key: str) -> None:
        """Make a new name durable: its folder, that folder's own name, and so on upwards.

        Folders that can be removed are synced each time: another process may have made them a
        moment ago and not have synced their names yet. Those that stay are synced once.
        """
        folder = _folder_of(key)
        kept = "/".join(folder.split("/", KEPT_DEPTH)[:KEPT_DEPTH])
        highest = kept if kept in self._durable_folders else ""
        with suppress(FileNotFoundError):  # the object was deleted meanwhile; nothing to keep
            fsync(f"{self.root}/{folder}")
            while folder != highest:
                folder = _folder_of(folder)
                fsync(f"{self.root}/{folder}")
            self._durable_folders.add(kept)


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _with_folders(target: str, name_it: Callable[[], object]) -> None:
    """Run `name_it`, with folders for `target`, which a delete may remove at any moment."""
    for _ in range(NAMING_ATTEMPTS):
        with suppress(FileNotFoundError):
            name_it()
            return
        with suppress(FileNotFoundError, FileExistsError):
            Path(_folder_of(target)).mkdir(parents=True, exist_ok=True)
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def _files_below(folder: Path) -> Iterator[Path]:
    with disk_errors():
        try:
            entries = sorted(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return
    for entry in entries:
        if entry.is_dir():
            yield from _files_below(entry)
        else:
            yield entry


def _link(original: Path, target: Path) -> None:
    """Give the file a second name, in place of what had that name before."""
    try:
        target.hardlink_to(original)
    except FileExistsError:
        draft = target.with_name(f".{secrets.token_hex(8)}")
        draft.hardlink_to(original)
        draft.rename(target)
        draft.unlink(missing_ok=True)  # a rename between two names of one file does nothing
