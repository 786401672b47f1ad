"""Compares a whole backup with what its manifest says: the database's file, and each object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ilios.core.conversion_errors import ObjectMissing
from ilios.core.settings import Settings
from ilios.operations.backup import manifest
from ilios.operations.backup.errors import RestoreRefused
from ilios.operations.backup.manifest import Manifest, StoredObject
from ilios.operations.object_hashes import each_at_once, file_sha256, sha256_of
from ilios.storage.base import ObjectStore
from ilios.storage.opening import open_store


@dataclass(frozen=True, slots=True)
class Checked:
    """What was compared, and what is wrong, each as a sentence."""

    manifest: Manifest
    objects: int
    faults: list[str]


def check(settings: Settings, folder: Path) -> Checked:
    """Read all of a backup, and the bucket of the settings where its objects were not copied.

    Raises RestoreRefused when the folder is no backup, and StorageUnavailable.
    """
    found = manifest.read(folder)
    faults = list(_of_database(folder, found))
    with ExitStack() as stack:
        store = stack.enter_context(closing(open_store(settings))) if found.bucket else None
        objects = _Objects(found, folder, store)
        faults += objects.faults()
    if objects.count != found.objects:
        faults.append(f"The list has {objects.count} objects of {found.objects}.")
    return Checked(found, objects.count, faults)


def require_database(folder: Path, found: Manifest) -> None:
    """Raise RestoreRefused unless the database's file is as it was written."""
    for fault in _of_database(folder, found):
        raise RestoreRefused(f"{fault} Use another backup.")


def _of_database(folder: Path, found: Manifest) -> Iterator[str]:
    path = folder / found.database
    if not path.is_file():
        yield f"{path} is not there."
    elif file_sha256(path) != found.database_sha256:
        yield f"{path} is not what was written."


class _Objects:
    """The objects of a backup: copied into its folder, or those of a store."""

    def __init__(self, found: Manifest, folder: Path, store: ObjectStore | None) -> None:
        self._missing = frozenset(found.missing)
        self._ended = frozenset(found.ended)
        self._folder = folder
        self._store = store
        self.count = 0

    def faults(self) -> Iterator[str]:
        objects = manifest.read_list(self._folder)
        for fault in each_at_once(self._fault, objects):
            self.count += 1
            if fault is not None:
                yield fault

    def _fault(self, one: StoredObject) -> str | None:
        if one.document_id in self._ended:
            return None  # a restore ends it
        of = f"of document {one.document_id}"
        try:
            with self._stream(one.key) as stream:
                sha256 = sha256_of(stream)
        except (FileNotFoundError, ObjectMissing):
            since = "was missing already" if one.key in self._missing else "is missing"
            return f"The object {one.key} {of} {since}."
        if one.sha256 in (None, sha256):
            return None
        return f"The object {one.key} {of} is not what was submitted."

    def _stream(self, key: str) -> AbstractContextManager[BinaryIO]:
        if self._store is None:
            return manifest.object_path(self._folder, key).open("rb")
        return self._store.open(key)
