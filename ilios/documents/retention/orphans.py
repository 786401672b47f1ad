"""Orphans: objects that no row names, left by processes that died between two steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from ilios.core.telemetry import logs
from ilios.db import instance
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, statuses
from ilios.documents import removal, repository
from ilios.storage import object_keys
from ilios.storage.base import ListedObject, ObjectStore

log = logs.get(__name__)

MIN_AGE: Final = timedelta(hours=24)
"""An object is written before the row that names it; no request takes this long."""


class Orphans:
    """Finds orphans among the objects of this database's instance; others are not looked at."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store

    def found(self, now: datetime) -> Iterator[str]:
        """Yield the keys of objects that are old enough, and that no row names."""
        with self._database.reading() as session:
            instance_id = instance.instance_id(session)
        for folder in object_keys.folders_of_instance(instance_id):
            for listed in self._store.listed(folder):
                if now - listed.stored_at >= MIN_AGE and not self._is_needed(listed):
                    yield listed.key

    def remove(self, now: datetime) -> int:
        """Delete the orphans, each after a last look at its row; return how many."""
        removed = 0
        for key in self.found(now):
            self._store.delete(key)
            removed += 1
        if removed:
            log.info("objects.swept", removed=removed)
        return removed

    def _is_needed(self, listed: ListedObject) -> bool:
        with self._database.reading() as session:
            return _is_needed(session, listed.key)


def _is_needed(session: Session, key: str) -> bool:
    document_id, kind = key.split("/")[2], object_keys.kind_of(key)
    document = session.get(Document, document_id)
    if document is None:
        return False
    if document.status is DocumentStatus.DELETED:
        # Erasure deletes the objects of one with `to_erase`; others may show the images.
        is_image = kind == object_keys.IMAGES
        return document.to_erase or (is_image and removal.answers_others(session, document_id))
    if kind == object_keys.PARTS:
        is_readable = document.status in statuses.READABLE
        return not is_readable or repository.is_awaited(session, document_id)
    return kind == object_keys.IMAGES or document.storage_key == key
