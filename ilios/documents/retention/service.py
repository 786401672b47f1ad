"""The retention service: archives or deletes expired documents, and sweeps left-overs.

Every step can be repeated: a process may die between any two of them, and two processes may run
retention at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from ilios.accounts import keys
from ilios.core import clock
from ilios.core.conversion_errors import ConversionError, ObjectMissing
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import DatabaseFull
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db import instance
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, Instance
from ilios.db.prepared import Prepared
from ilios.documents import idempotency, removal, repository
from ilios.documents.erasure import Erasure
from ilios.documents.retention import expiry
from ilios.documents.retention.orphans import Orphans
from ilios.documents.retention.temporary_files import TemporaryFiles
from ilios.storage.base import ObjectStore
from ilios.storage.object_keys import archive_key
from ilios.storage.page_image_cache import PageImageCache

log = logs.get(__name__)

UPLOAD_MAX_AGE: Final = timedelta(hours=25)  #: a link lives an hour; then a day to complete
EXPIRED_KEY_GRACE: Final = timedelta(days=30)
"""An expired key can be rotated for this long, then it is revoked."""
ORPHANS_EVERY: Final = timedelta(hours=12)  #: finding them lists the whole store
ADOPTION_GRACE: Final = timedelta(hours=24)
"""Documents of an adopted database are kept for this long."""
REWRITE_MAX_BYTES: Final = 256 * 1024**2
"""Of a database that is rewritten without a request: writers wait, for about a second."""
CHUNK: Final = 100  #: documents of one query
IDEMPOTENCY_KEYS_CHUNK: Final = 1_000  #: that one transaction forgets
ROUND_SECONDS: Final = 60.0  #: of one round; the next one continues

_ADOPTED_AT = Prepared(select(Instance.adopted_at))
_SWEPT_AT = Prepared(select(Instance.swept_at))
_NOTE_SWEEP = Prepared(update(Instance).values(swept_at=bindparam("moment")))

Find = Callable[[Session, int | None], list[str]]


@dataclass(slots=True)
class Tally:
    """How many items of each kind a round has handled."""

    archived: int = 0
    deleted: int = 0
    uploads: int = 0  #: never completed, kept for their time, or of a key that was revoked
    erased: int = 0  #: deleted before; the last of their objects are gone now
    keys: int = 0  #: expired, and revoked now
    idempotency_keys: int = 0  #: older than a day
    temporary_files: int = 0
    orphans: int = 0  #: objects that no row names


class Retention:
    """Runs retention, one round at a time in each process."""

    def __init__(self, settings: Settings, database: Database, store: ObjectStore) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._erasure = Erasure(database, store, PageImageCache(settings))
        self._orphans = Orphans(database, store)
        self._temporary_files = TemporaryFiles(settings, database)
        self._disk_reserve = DiskReserve(settings)
        self._until = 0.0

    def run(self, now: datetime | None = None, *, thoroughly: bool = False) -> Tally:
        """Do what is due, for ROUND_SECONDS at most; `thoroughly`, all of it, with orphans.

        What the object store refuses is left to the next round.
        """
        now = now or clock.now()
        self._until = float("inf") if thoroughly else time.monotonic() + ROUND_SECONDS
        tally = Tally()
        for find in self._expired(now):
            if self._deletes:
                tally.deleted += self._each(find, lambda one: self._delete(one, now))
            else:
                tally.archived += self._each(find, lambda one: self._archive(one, now))
        for find in _uploads(now):
            tally.uploads += self._each(find, lambda one: self._give_up(one, now))
        tally.erased = sum(map(self._erase, self._erasure.unfinished()))
        tally.keys = self._revoke_expired_keys(now)
        tally.idempotency_keys = self._forget_idempotency_keys(now)
        tally.temporary_files = self._temporary_files.remove(now)
        if thoroughly or self._orphans_are_due(now):
            self._rewrite_database(thoroughly=thoroughly)
            tally.orphans = self._sweep_orphans(now)
        self._database.truncate_wal()  # it may hold what requests have deleted
        if self._disk_reserve.fault():
            self._database.give_back(self._until)
        if any(asdict(tally).values()):
            log.info("retention.done", tally=asdict(tally))
        return tally

    def preview(self, now: datetime | None = None) -> Tally:
        """Return what a thorough round would do, without doing it."""
        now = now or clock.now()
        with self._database.reading() as session:
            due = sum(len(find(session, None)) for find in self._expired(now))
            uploads = len({one for find in _uploads(now) for one in find(session, None)})
            expired_keys = keys.expired_count(session, now - EXPIRED_KEY_GRACE)
            idempotency_keys = idempotency.expired_count(session, now)
        return Tally(
            archived=0 if self._deletes else due,
            deleted=due if self._deletes else 0,
            uploads=uploads,
            erased=len(self._erasure.unfinished()),
            keys=expired_keys,
            idempotency_keys=idempotency_keys,
            temporary_files=len(list(self._temporary_files.found(now))),
            orphans=sum(1 for _ in self._orphans.found(now)),
        )

    @property
    def _deletes(self) -> bool:
        return self._settings.retention_action == "delete"

    def _expired(self, now: datetime) -> Iterator[Find]:
        if self._has_just_been_adopted(now):
            return
        yield lambda session, limit: expiry.expired(session, now, limit)
        if self._deletes:
            yield lambda session, limit: expiry.expired_in_archive(session, now, limit)

    def _each(self, find: Find, act: Callable[[str], bool]) -> int:
        """Act on what is found until the time is over or nothing changes; return how often."""
        total = 0
        while time.monotonic() < self._until:
            with self._database.reading() as session:
                found = find(session, CHUNK)
            done = sum(map(act, found))
            total += done
            if not done:
                break
        return total

    def _archive(self, document_id: str, now: datetime) -> bool:
        """Copy the original, commit its new key, remove it from its old one."""
        with self._database.reading() as session:
            document = session.get_one(Document, document_id)
            key = archive_key(instance.instance_id(session), document_id)
        if document.archived_at is not None or not expiry.is_over(document, now):
            return False  # another process has archived it
        try:
            key = self._copied(document.storage_key, key)
            with self._database.writing() as session:
                if not expiry.archive(session, document, key, now):
                    return False
            log.info("document.archived", document_id=document_id)
            if document.storage_key != key:
                self._store.delete(document.storage_key)
        except ConversionError as error:
            log.warning("document.not_archived", document_id=document_id, reason=error.logged)
            return False
        return True

    def _copied(self, old: str, new: str) -> str:
        """Copy the original; return its key, which is the old one when there is no original."""
        if old == new or not old:  # it was retried after its retention, or never fetched
            return old
        try:
            self._store.copy(old, new)
        except ObjectMissing:
            return old
        return new

    def _delete(self, document_id: str, now: datetime) -> bool:
        return self._tombstone(document_id, lambda one: expiry.is_over(one, now), now)

    def _give_up(self, document_id: str, now: datetime) -> bool:
        return self._tombstone(
            document_id, lambda one: one.status is DocumentStatus.AWAITING_UPLOAD, now
        )

    def _tombstone(
        self, document_id: str, is_due: Callable[[Document], bool], now: datetime
    ) -> bool:
        with self._database.writing() as session:
            document = session.get_one(Document, document_id)
            root_id = repository.result_id(document)
            if not is_due(document) or not removal.tombstone(session, document_id, root_id, now):
                return False
        log.info("document.expired", document_id=document_id)
        self._erasure.try_to_erase(document_id, self._until)
        return True

    def _erase(self, document_id: str) -> bool:
        if time.monotonic() > self._until:
            return False
        return self._erasure.try_to_erase(document_id, self._until)

    def _revoke_expired_keys(self, now: datetime) -> int:
        with self._database.reading() as session:  # take the write lock only if there are any
            if not keys.expired_count(session, now - EXPIRED_KEY_GRACE):
                return 0
        with self._database.writing() as session:
            return keys.revoke_expired(session, now - EXPIRED_KEY_GRACE, now)

    def _forget_idempotency_keys(self, now: datetime) -> int:
        with self._database.reading() as session:  # take the write lock only if there are any
            is_more = bool(idempotency.expired_count(session, now))
        total = 0
        while is_more and time.monotonic() < self._until:
            with self._database.writing() as session:
                forgotten = idempotency.forget_expired(session, now, IDEMPOTENCY_KEYS_CHUNK)
            total += forgotten
            is_more = forgotten == IDEMPOTENCY_KEYS_CHUNK
        return total

    def _has_just_been_adopted(self, now: datetime) -> bool:
        """Return whether the operator may still go back to the service that we replace."""
        with self._database.reading() as session:
            ((adopted_at,),) = _ADOPTED_AT.all(session)
        return adopted_at is not None and now - adopted_at < ADOPTION_GRACE

    def _orphans_are_due(self, now: datetime) -> bool:
        with self._database.reading() as session:
            ((swept_at,),) = _SWEPT_AT.all(session)
        return swept_at is None or now - swept_at >= ORPHANS_EVERY

    def _rewrite_database(self, *, thoroughly: bool) -> None:
        """Rewrite the database without what was deleted since the last sweep; writers wait."""
        with self._database.reading() as session:
            if not expiry.anything_deleted_since_sweep(session):
                return
        if not thoroughly and self._database.size_bytes() > REWRITE_MAX_BYTES:
            log.info("database.not_rewritten", remedy="run `ilios retention` at a quiet hour")
            return
        if fault := self._disk_reserve.fault(2 * self._database.size_bytes()):
            log.warning("database.not_rewritten", reason=fault)
            return
        try:
            self._database.vacuum()
        except (DatabaseFull, self._database.driver_error) as error:  # the next round tries again
            log.warning("database.not_rewritten", reason=str(error))

    def _sweep_orphans(self, now: datetime) -> int:
        try:
            removed = self._orphans.remove(now)
        except ConversionError as error:
            log.warning("objects.not_swept", reason=error.logged)
            return 0
        with self._database.writing() as session:
            _NOTE_SWEEP.run(session, moment=now)
        return removed


def _uploads(now: datetime) -> Iterator[Find]:
    yield lambda session, limit: expiry.never_uploaded(session, now - UPLOAD_MAX_AGE, limit)
    yield lambda session, limit: expiry.kept_files(session, now, limit)
    yield expiry.not_to_be_uploaded
