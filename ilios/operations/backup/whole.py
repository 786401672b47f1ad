"""A whole backup, made while the service works: database, objects, keys and paid answers.

The database comes first, as of one moment; then the objects that its rows name. One that is gone by
then belongs to a document that was deleted meanwhile: the backup notes that, and its restore ends
with that deletion. So no document of it lacks its object.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import ilios
from ilios.core import clock, data_folder
from ilios.core.conversion_errors import ObjectMissing
from ilios.core.durable_files import fsync
from ilios.core.settings import Settings
from ilios.db import readonly
from ilios.db.database import Database
from ilios.db.opening import open_database
from ilios.db.prepared import Runner
from ilios.operations.backup import manifest, needed_objects, postgres_file, sqlite_file
from ilios.operations.backup.database_files import Backup
from ilios.operations.backup.errors import BackupRefused
from ilios.operations.backup.manifest import Kind, Manifest, StoredObject
from ilios.operations.object_hashes import each_at_once, file_sha256, sha256_of
from ilios.storage.base import ObjectStore
from ilios.storage.opening import open_store


def make(
    settings: Settings, target: Path, *, with_bucket: bool = False, replace: bool = False
) -> Manifest:
    """Write a whole backup to a folder, which appears complete or not at all.

    The objects of a bucket are looked for only, unless they are to be copied `with_bucket`. Raises
    BackupRefused, and what the stores and PostgreSQL's programs raise.
    """
    _require_target(settings, target, replace=replace)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.mkdir(mode=0o700)
        made = _filled(settings, draft, copies=with_bucket or settings.s3_bucket is None)
        _put_in_place(draft, target)
    except OSError as error:
        raise BackupRefused(
            f"{target} cannot be written ({error.strerror}): name a folder elsewhere."
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return made


def key_files(settings: Settings) -> list[Path]:
    """Return the files of keys that a whole backup has, as far as they are there."""
    files = (
        data_folder.signing_key(settings),
        data_folder.webhook_key(settings),
        data_folder.password_key(settings),
    )
    return [path for path in files if path.exists()]


def _filled(settings: Settings, folder: Path, *, copies: bool) -> Manifest:
    kind: Kind = "sqlite" if settings.database_url is None else "postgresql"
    instances: list[str] = []

    def look(on: Runner) -> None:
        instances.append(needed_objects.instance_of(on))
        manifest.write_list(folder, needed_objects.each(on))

    path = folder / manifest.DATABASES[kind]
    _copy_answers(settings, folder)  # one that is taken meanwhile is in neither else
    database = _database(settings, path, look)
    with closing(open_store(settings)) as store, closing(open_database(settings)) as live:
        objects = _Objects(store, live, folder if copies else None)
        objects.take_all(manifest.read_list(folder))
    _copy_answers(settings, folder)
    _copy_keys(settings, folder)
    made = Manifest(
        version=ilios.__version__,
        created_at=clock.iso(clock.now()),
        instance=instances[0],
        kind=kind,
        revision=database.revision,
        database_sha256=file_sha256(path),
        counts=database.counts,
        objects=objects.count,
        bucket=None if copies else settings.s3_bucket,
        ended=sorted(objects.ended),
        missing=sorted(objects.missing),
    )
    manifest.write(folder, made)
    return made


def _database(settings: Settings, path: Path, look: postgres_file.Look) -> Backup:
    if settings.database_url is not None:
        return postgres_file.make(settings, path, look=look)
    made = sqlite_file.make(settings.database_path, path)
    with readonly.connect(path) as connection:
        look(connection)
    return made


class _Objects:
    """Copies objects of a service at work, or looks for them only, without a folder."""

    def __init__(self, store: ObjectStore, live: Database, folder: Path | None) -> None:
        self._store = store
        self._live = live
        self._folder = folder
        self.count = 0
        self.ended: set[str] = set()
        self.missing: set[str] = set()

    def take_all(self, objects: Iterator[StoredObject]) -> None:
        for _ in each_at_once(self._take, objects):
            self.count += 1

    def _take(self, one: StoredObject) -> None:
        key = one.key
        while not self._took(one, key):
            with self._live.reading() as session:
                if needed_objects.has_ended(session, one.document_id):
                    self.ended.add(one.document_id)
                    return
                moved = needed_objects.new_key(session, one)
            if moved is None or moved == key:
                self.missing.add(key)
                return
            key = moved

    def _took(self, one: StoredObject, key: str) -> bool:
        """Copy an object from under a key; return False when nothing is there."""
        try:
            if self._folder is None:
                self._store.stat(key)
                return True
            self._copy(one, key, manifest.object_path(self._folder, one.key))
        except ObjectMissing:
            return False
        return True

    def _copy(self, one: StoredObject, key: str, path: Path) -> None:
        with self._store.open(key) as stream:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with path.open("wb") as file:
                sha256 = sha256_of(stream, file)
        if one.sha256 not in (None, sha256):
            raise BackupRefused(
                f"The object {key} of document {one.document_id} is not what was submitted: delete "
                "that document, or restore its object, and look at the disk."
            )
        fsync(path)


def _copy_keys(settings: Settings, folder: Path) -> None:
    for path in key_files(settings):
        shutil.copy2(path, folder / path.name)


def _copy_answers(settings: Settings, folder: Path) -> None:
    """Copy paid answers that the database does not have; one that it has is forgotten later."""
    answers = folder / manifest.ANSWERS
    answers.mkdir(mode=0o700, exist_ok=True)
    spooled = data_folder.answers(settings)
    for path in spooled.iterdir() if spooled.is_dir() else ():
        with suppress(FileNotFoundError):  # the database has it by now
            shutil.copy2(path, answers / path.name)


def _require_target(settings: Settings, target: Path, *, replace: bool) -> None:
    own = settings.data_folder.resolve()
    if target.resolve() == own or target.resolve() in own.parents:
        raise BackupRefused(f"{target} holds the service's own files: name another folder.")
    if target.exists() and not target.is_dir():
        raise BackupRefused(f"{target} is a file: name a folder.")
    if target.exists() and not replace:
        raise BackupRefused(f"{target} is there already: name another folder, or use --force.")
    if target.exists() and not (target / manifest.MANIFEST).exists():
        raise BackupRefused(f"{target} is no backup of Ilios: name another folder.")


def _put_in_place(draft: Path, target: Path) -> None:
    """Give the folder its name, in place of an earlier backup."""
    for path in draft.rglob("*"):
        fsync(path)
    fsync(draft)
    if target.exists():
        earlier = target.with_name(f".{target.name}.{os.getpid()}.earlier")
        target.rename(earlier)
        draft.rename(target)
        shutil.rmtree(earlier, ignore_errors=True)
    else:
        draft.rename(target)
    fsync(target.parent)
