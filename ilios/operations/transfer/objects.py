"""Copies objects from one store to another under their keys, and reads back what has arrived."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from ilios.core import ids
from ilios.core.conversion_errors import ObjectMissing
from ilios.db import instance
from ilios.db.models import DELETED, Document
from ilios.db.prepared import Prepared
from ilios.operations.object_hashes import AT_ONCE, sha256_of
from ilios.operations.transfer.errors import TransferFailed
from ilios.operations.transfer.journal import Arrived, Journal
from ilios.storage.base import ListedObject, ObjectStore
from ilios.storage.object_keys import folders_of_instance

NOTED_TOGETHER: Final = 64  #: copied by a run that is killed, and again by the next
MEDIA_TYPE: Final = "application/octet-stream"  #: links name the type themselves
_STORED = Prepared(
    select(Document.id, Document.storage_key, Document.sha256).where(
        Document.status != DELETED, Document.storage_key != "", Document.sha256.is_not(None)
    )
)


class ObjectCopy:
    """Makes the objects of the target those of the source."""

    def __init__(
        self, source: ObjectStore, target: ObjectStore, journal: Journal, scratch: Path
    ) -> None:
        """Give a folder for files on their way; it is on the file system of a local target."""
        self._source = source
        self._target = target
        self._journal = journal
        self._scratch = scratch
        self._has_looked = False

    def copy(self, folders: Collection[str]) -> int:
        """Copy what has not arrived, and remove what is gone; return how many objects were copied.

        Raises TransferFailed when what is read back is not what was sent, and StorageUnavailable.
        """
        if not self._has_looked:  # since the run before, somebody may have emptied the target
            self._journal.keep(one.key for each in folders for one in self._target.listed(each))
            self._has_looked = True
        self._journal.begin_pass()
        copied = 0
        listed = (one for each in folders for one in self._source.listed(each))
        missing = (one for one in listed if not self._journal.is_current(one.key, one.stored_at))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            while some := list(islice(missing, NOTED_TOGETHER)):
                arrived = [one for one in threads.map(self._copy_one, some) if one]
                self._journal.note(arrived)
                copied += len(arrived)
        for key in self._journal.unseen():
            self._target.delete(key)
            self._journal.forget(key)
        return copied

    def faults(self, session: Session) -> Iterator[str]:
        """Yield what documents lack: an object that was not in the source, or had other bytes."""
        for document_id, key, sha256 in _STORED.each(session):
            found = self._journal.sha256_of(key)
            if found is None:
                yield f"Document {document_id} has no object {key}; it had none in the source."
            elif found != sha256:
                yield f"The object {key} of document {document_id} is not what was submitted."

    def _copy_one(self, listed: ListedObject) -> Arrived | None:
        path = self._scratch / ids.new_id()
        try:
            with self._source.open(listed.key) as stream, path.open("wb") as file:
                sha256 = sha256_of(stream, file)
            self._target.put(listed.key, path, MEDIA_TYPE, sha256)
            with self._target.open(listed.key) as stream:
                found = sha256_of(stream)
        except ObjectMissing:
            return None  # deleted since it was listed
        finally:
            path.unlink(missing_ok=True)
        if found != sha256:
            raise TransferFailed(
                f"The object {listed.key} has other bytes in the target than were sent: look at "
                "that store, and run the command again."
            )
        return Arrived(listed.key, listed.stored_at, sha256)


def folders(session: Session) -> list[str]:
    """Return the folders of this instance's objects, and of its documents' under other keys."""
    own = folders_of_instance(instance.instance_id(session))
    beyond = {
        key.rpartition("/")[0]
        for _, key, _ in _STORED.each(session)
        if not key.startswith(tuple(f"{folder}/" for folder in own))
    }
    return [*own, *sorted(beyond)]
