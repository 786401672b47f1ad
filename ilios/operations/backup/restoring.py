"""Restores a whole backup: into an empty data folder, or an empty PostgreSQL database.

Objects, keys and answers come first. The database is served from its last step on; before, another
run goes on where one was cut off.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from ilios.core import clock, data_folder, ids
from ilios.core.conversion_errors import ObjectMissing
from ilios.core.durable_files import publish
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import REVISION
from ilios.db.opening import open_database
from ilios.documents.lifecycle import DocumentActions
from ilios.operations import standstill
from ilios.operations.backup import checking, manifest, needed_objects
from ilios.operations.backup.errors import RestoreRefused
from ilios.operations.backup.manifest import Manifest, StoredObject
from ilios.operations.backup.targets import open_target
from ilios.operations.object_hashes import each_at_once, file_sha256, sha256_of
from ilios.queue import release
from ilios.queue.notify import open_notifier
from ilios.storage.base import ObjectStore
from ilios.storage.opening import open_store

Report = Callable[[str], None]
MEDIA_TYPE: Final = "application/octet-stream"  #: links name the type themselves


def restore(settings: Settings, folder: Path, report: Report) -> list[str]:
    """Restore a backup to where the settings say; return what documents lack, each as a sentence.

    Raises RestoreRefused, and what the stores and PostgreSQL's programs raise.
    """
    try:
        return _restore(settings.past_pooler, folder, report)
    except OSError as error:
        raise RestoreRefused(
            f"The restore was cut off ({error.strerror}): see to that, and run it again."
        ) from error


def _restore(settings: Settings, folder: Path, report: Report) -> list[str]:
    found = manifest.read(folder)
    _require_fit(settings, found)
    checking.require_database(folder, found)
    data_folder.prepare(settings)
    target = open_target(settings, folder, found)
    with _stopped(settings):
        _copy_files(settings, folder)
        scratch = data_folder.uploads(settings)
        with closing(open_store(settings)) as store, closing(target.database):
            lacking = _Objects(found, folder, store, scratch).put_all()
            report(f"{found.objects} objects are there")
            target.fill()
            ended = _end(settings, target.database, store, found.ended)
            with target.database.writing() as session:
                release.end_leases(session, clock.now())  # their workers are gone
            target.finish()
    report(f"The database is there; {ended} documents were deleted while it was backed up")
    return lacking


def _require_fit(settings: Settings, found: Manifest) -> None:
    if found.revision != REVISION:
        raise RestoreRefused(
            f"The backup has schema {found.revision}, and this version restores {REVISION}: use "
            f"Ilios {found.version}, and upgrade then."
        )
    if found.kind == "sqlite" and settings.database_url is not None:
        raise RestoreRefused(
            "The backup is of a SQLite file: unset DATABASE_URL to restore it, and move it with "
            "`ilios migrate --to` then."
        )
    if found.kind == "postgresql" and settings.database_url is None:
        raise RestoreRefused(
            "The backup is of PostgreSQL: set DATABASE_URL to an empty database to restore it, and "
            "move it with `ilios migrate --to` then."
        )
    if found.bucket is not None and settings.s3_bucket is None:
        raise RestoreRefused(
            f"The backup has no objects, which were in the bucket {found.bucket}: set S3_BUCKET "
            "and its access keys."
        )


@contextmanager
def _stopped(settings: Settings) -> Iterator[None]:
    with closing(open_database(settings)) as database:
        held = standstill.reached(settings, database)
    if held is None:
        raise RestoreRefused("The service runs, or another restore: stop it first.")
    with held:
        yield


def _copy_files(settings: Settings, folder: Path) -> None:
    """Copy keys and paid answers, before anything makes keys of its own."""
    for path in folder.glob("*.key"):
        _copy(path, settings.data_folder / path.name)
    for path in (folder / manifest.ANSWERS).iterdir():
        _copy(path, data_folder.answers(settings) / path.name)


def _copy(path: Path, target: Path) -> None:
    draft = target.with_name(f".{target.name}.{ids.new_id()}")
    shutil.copyfile(path, draft)
    draft.chmod(0o600)
    publish(draft, target)


def _end(settings: Settings, database: Database, store: ObjectStore, ended: list[str]) -> int:
    """Delete the documents that were deleted while the backup was made."""
    actions = DocumentActions(settings, database, store, open_notifier(settings, database))
    for document_id in ended:
        with database.reading() as session:
            owner = needed_objects.owner_of(session, document_id)
        if owner is not None:
            actions.delete(document_id, owner=owner)
    return len(ended)


class _Objects:
    """Puts the objects of a backup into a store, as far as they are not there."""

    def __init__(self, found: Manifest, folder: Path, store: ObjectStore, scratch: Path) -> None:
        self._found = found
        self._ended = frozenset(found.ended)
        self._folder = folder
        self._store = store
        self._scratch = scratch  #: on the file system of a local store

    def put_all(self) -> list[str]:
        """Return what documents lack."""
        objects = manifest.read_list(self._folder)
        return [lacking for lacking in each_at_once(self._put, objects) if lacking]

    def _put(self, one: StoredObject) -> str | None:
        if one.document_id in self._ended:
            return None
        source = manifest.object_path(self._folder, one.key)
        if self._found.bucket is None and source.is_file():
            if not self._is_there(one.key, source):
                self._copy(one, source)
            return None
        if self._found.bucket is not None and self._size_of(one.key) is not None:
            return None
        return f"Document {one.document_id} lacks its object {one.key}."

    def _copy(self, one: StoredObject, source: Path) -> None:
        path = self._scratch / ids.new_id()
        shutil.copyfile(source, path)
        try:
            self._store.put(one.key, path, MEDIA_TYPE, one.sha256)
        finally:
            path.unlink(missing_ok=True)

    def _is_there(self, key: str, source: Path) -> bool:
        """Return whether a run that was cut off has put it, or the bucket kept it."""
        if self._size_of(key) != source.stat().st_size:
            return False
        with self._store.open(key) as stream:
            return sha256_of(stream) == file_sha256(source)

    def _size_of(self, key: str) -> int | None:
        try:
            return self._store.stat(key).size_bytes
        except ObjectMissing:
            return None
