"""Erasure: removes the objects of deleted documents.

The tombstone is committed first, with `to_erase`: when a process dies before the objects are
removed, the next sweep removes them.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from ilios.core.conversion_errors import ConversionError
from ilios.core.telemetry import logs
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Document, DocumentStatus
from ilios.documents import removal
from ilios.documents.removal import Remains
from ilios.documents.units_of_work import CloseErased
from ilios.storage import object_keys
from ilios.storage.base import ObjectStore

log = logs.get(__name__)


class Erasure:
    """Erases documents; several processes may do so at once."""

    def __init__(
        self, database: Database, store: ObjectStore, group_commit: GroupCommit | None = None
    ) -> None:
        self._database = database
        self._store = store
        self._group_commit = group_commit or GroupCommit(database)

    def try_to_erase(self, document_id: str) -> bool:
        """Erase, or leave it to the next sweep if the store fails; return whether it is done."""
        try:
            return self.erase(document_id)
        except ConversionError as error:
            log.warning("document.not_erased", document_id=document_id, reason=error.logged)
            return False

    def erase(self, document_id: str) -> bool:
        """Remove the objects of a deleted document; return whether all of them are gone.

        What other documents that joined it still need stays. Raises StorageUnavailable.
        """
        with self._database.watching() as watch:
            left = removal.remains(watch, document_id)
        if left.status is not DocumentStatus.DELETED or left.is_awaited:
            return False
        for key in self._keys(document_id, left):
            if not (left.answers_others and object_keys.kind_of(key) == object_keys.IMAGES):
                self._store.delete(key)
        unit = CloseErased(document_id, left.answers_others)
        is_closed = self._group_commit.write(unit, left.owner)
        if is_closed:
            log.info("document.erased", document_id=document_id)
        return is_closed

    def unfinished(self) -> list[str]:
        """Return the deleted documents that may have objects left, in the order of deletion."""
        with self._database.reading() as session:
            left = select(Document.id).where(Document.to_erase).order_by(Document.deleted_at)
            return list(session.scalars(left))

    def _keys(self, document_id: str, left: Remains) -> Iterator[str]:
        if left.storage_key:
            yield left.storage_key
        yield object_keys.incoming_key(left.instance_id, document_id)
        for folder in object_keys.folders_of(left.instance_id, document_id):
            for found in self._store.listed(folder):
                yield found.key
