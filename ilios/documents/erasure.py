"""Erasure: removes the objects and pages of deleted documents.

The tombstone is committed first, with `to_erase`: when a process dies before they are removed, the
next sweep removes them.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator

from sqlalchemy import select

from ilios.core.conversion_errors import ConversionError
from ilios.core.errors import DatabaseBusy, DatabaseFull
from ilios.core.telemetry import logs
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Document, DocumentStatus
from ilios.db.prepared import Prepared
from ilios.documents import removal
from ilios.documents.pacing import Pause, in_turns
from ilios.documents.removal import Remains
from ilios.documents.units_of_work import CloseErased
from ilios.storage import object_keys
from ilios.storage.base import ObjectStore
from ilios.storage.page_image_cache import PageImageCache

_UNFINISHED = Prepared(select(Document.id).where(Document.to_erase).order_by(Document.deleted_at))

log = logs.get(__name__)


class Erasure:
    """Erases documents for the threads of a process; several processes may do so at once."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        page_images: PageImageCache,
        group_commit: GroupCommit | None = None,
        pause: Pause = time.sleep,
    ) -> None:
        self._database = database
        self._store = store
        self._page_images = page_images
        self._group_commit = group_commit or GroupCommit(database)
        self._pause = pause
        self._is_deleting = threading.Lock()

    def try_to_erase(self, document_id: str, until: float = math.inf) -> bool:
        """Erase, or leave it to the next sweep if the store fails; return whether it is done."""
        try:
            return self.erase(document_id, until)
        except ConversionError as error:
            reason = error.logged
        except (DatabaseBusy, DatabaseFull) as error:
            reason = error.detail
        log.warning("document.not_erased", document_id=document_id, reason=reason)
        return False

    def erase(self, document_id: str, until: float = math.inf) -> bool:
        """Remove objects and pages of a deleted document; return whether all of them are gone.

        What other documents that joined it still need stays, and pages that are left `until`, by
        the monotonic clock. Raises StorageUnavailable, DatabaseBusy, DatabaseFull.
        """
        with self._database.watching() as watch:
            left = removal.remains(watch, document_id)
        if left.status is not DocumentStatus.DELETED:
            return False
        self._page_images.remove(document_id)
        if left.is_awaited:
            return False
        for key in self._keys(document_id, left):  # before pages, which may be left to others
            if not (left.answers_others and object_keys.kind_of(key) == object_keys.IMAGES):
                self._store.delete(key)
        if not self._delete_pages(document_id, until):
            return False
        unit = CloseErased(document_id, left.answers_others)
        is_closed = self._group_commit.write(unit, left.owner)
        if is_closed:
            log.info("document.erased", document_id=document_id)
        return is_closed

    def unfinished(self) -> list[str]:
        """Return the deleted documents that may have objects left, in the order of deletion."""
        with self._database.reading() as session:
            return [document_id for (document_id,) in _UNFINISHED.all(session)]

    def _delete_pages(self, document_id: str, until: float) -> bool:
        """Delete pages, of one document at a time; return whether none are left to delete.

        Else as many writers as there are deletions would keep all others waiting.
        """
        with self._database.watching() as watch:
            if not removal.has_pages_to_delete(watch, document_id):
                return True
        seconds = min(max(0, until - time.monotonic()), threading.TIMEOUT_MAX)
        if not self._is_deleting.acquire(timeout=seconds):
            return False
        try:
            return in_turns([lambda: self._delete_portion(document_id)], until, self._pause)
        finally:
            self._is_deleting.release()

    def _delete_portion(self, document_id: str) -> bool:
        # Not in a group, whose units would all wait for it.
        with self._database.writing() as session:
            return removal.delete_pages(session, document_id)

    def _keys(self, document_id: str, left: Remains) -> Iterator[str]:
        source_key = object_keys.source_key(left.instance_id, document_id)
        if left.storage_key and left.storage_key != source_key:
            yield left.storage_key
        yield source_key
        yield object_keys.incoming_key(left.instance_id, document_id)
        for folder in object_keys.folders_of(left.instance_id, document_id):
            for found in self._store.listed(folder):
                yield found.key
