"""New documents: their files are stored, then their rows are inserted in one transaction.

Or neither: what was stored is deleted when the transaction refuses them. Of documents that are to
be fetched first there are rows only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ilios.accounts import holdings
from ilios.accounts.holdings import Holding, Standard
from ilios.core import clock, failpoints, ids
from ilios.core.archive_errors import BatchRefused, FileRefusal
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import OutcomeUnknown
from ilios.core.request_errors import RequestError
from ilios.core.settings import Settings
from ilios.db import instance
from ilios.db.database import Database, Scope
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Batch
from ilios.documents import idempotency
from ilios.documents.admission import Candidate, Order, Stored
from ilios.documents.idempotency import Created, CreatedBefore, Repeatable, once
from ilios.documents.recent_room import RecentRoom
from ilios.documents.remote import Remote, RemoteCandidate
from ilios.documents.units_of_work import AdmitBatch, AdmitDocument, AdmitDocuments, AnyCandidate
from ilios.documents.uploads import Received, RefusedFile
from ilios.documents.validation import CheckedFile, Submitted, checked_file
from ilios.storage.base import ObjectStore
from ilios.storage.object_keys import source_key

Ordered = Sequence[tuple[Submitted | RefusedFile, Order]]


class NewDocuments:
    """Inserts documents and their jobs; all methods raise what a submission raises.

    With a key also CreatedBefore, IdempotencyKeyReused, and Gone.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: ObjectStore,
        disk_reserve: DiskReserve,
        group_commit: GroupCommit,
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._disk_reserve = disk_reserve
        self._group_commit = group_commit
        self._recent_room = RecentRoom() if database.is_remote else None

    @cached_property
    def instance(self) -> str:
        """The id of the database, which is part of the keys of objects."""
        with self._database.reading() as session:
            return instance.instance_id(session)

    def standard(self) -> Standard:
        """Return what an owner may hold that has no limits of its own."""
        return Standard.of(self._settings, self._disk_reserve.free_bytes)

    def holding(self, owner: str, standard: Standard) -> Holding:
        """Return what an owner holds, and what it may hold."""
        with self._database.watching() as watch:
            return holdings.of(watch, owner, standard)

    def created_by(self, repeatable: Repeatable | None) -> Created | None:
        """Return what the same request has created before; see ilios.documents.idempotency."""
        if repeatable is None:
            return None
        with self._database.watching() as watch:
            return idempotency.created_by(watch, repeatable)

    def insert(self, file: Submitted, order: Order) -> dict[str, Any]:
        """Insert one document, and return its row."""
        self._require_new(order.repeatable)
        checked = checked_file(file, order, self._settings)
        standard = self._require_room([checked])
        with self._candidates([checked]) as (candidate,):
            unit = once(order.repeatable, AdmitDocument(candidate, standard))
            return self._group_commit.write(unit, order.owner, Scope.owner(order.owner))

    def insert_all(self, files: Sequence[tuple[Submitted, Order]]) -> list[dict[str, Any]]:
        """Insert documents that are no batch, and return their rows."""
        order = files[0][1]
        self._require_new(order.repeatable)
        checked = [checked_file(file, wanted, self._settings) for file, wanted in files]
        standard = self._require_room(checked)
        with self._candidates(checked) as candidates:
            unit = once(order.repeatable, AdmitDocuments(candidates, standard))
            return self._group_commit.write(unit, order.owner, Scope.owner(order.owner))

    def insert_batch(
        self, files: Ordered, batch_id: str | None
    ) -> tuple[Batch, list[dict[str, Any]]]:
        """Insert a batch, and return it with the rows of its documents."""
        order = files[0][1]
        self._require_new(order.repeatable)
        # Events of the documents go where those of the batch do.
        of_batch = [(file, replace(wanted, webhook_url=None)) for file, wanted in files]
        checked = self._checked_all(of_batch)
        standard = self._require_room(checked)
        batch_id = batch_id or ids.new_id()
        batch = {
            "id": batch_id,
            "owner": order.owner,
            "total_documents": len(checked),
            "priority": order.priority,
            "created_at": clock.now(),
            "webhook_url": order.webhook_url,
        }
        with self._candidates(checked) as candidates:
            unit = AdmitBatch(self._settings, candidates, standard, batch)
            rows = self._group_commit.write(
                once(order.repeatable, unit, batch_id), order.owner, Scope.owner(order.owner)
            )
            return Batch(**batch), rows

    def _require_new(self, repeatable: Repeatable | None) -> None:
        """Raise CreatedBefore before anything is stored; the transaction looks once more."""
        if (created := self.created_by(repeatable)) is not None:
            raise CreatedBefore(created)

    def _require_room(self, files: Sequence[CheckedFile]) -> Standard:
        """Refuse what the transaction would refuse, at less cost for others that write with it.

        Returns what the transaction is to look at once more.
        """
        if any(isinstance(checked.file, Remote) for checked in files):
            self._disk_reserve.require()  # of these only rows are written now
        standard = self.standard()
        counted_bytes = sum(holdings.counted_bytes(checked.file.size_bytes) for checked in files)
        owner = files[0].order.owner
        recent = self._recent_room
        if recent is not None and recent.had(owner, counted_bytes, len(files)):
            return standard
        holding = self.holding(owner, standard)
        holding.require_room(counted_bytes, len(files))
        if recent is not None:
            recent.note(owner, holding)
        return standard

    @contextlib.contextmanager
    def _candidates(self, files: Sequence[CheckedFile]) -> Iterator[list[AnyCandidate]]:
        """Store the files durably that are here; delete them if what follows fails."""
        candidates: list[AnyCandidate] = []
        keys: list[str] = []
        failpoints.reach(failpoints.UPLOAD_STREAMED)
        try:
            for checked in files:
                if isinstance(checked.file, Remote):
                    candidates.append(RemoteCandidate.of(checked.file, checked.order))
                    continue
                stored = self._named(checked.file, checked.media_type)
                keys.append(stored.storage_key)
                self._store.put(
                    stored.storage_key, checked.file.path, stored.media_type, stored.sha256
                )
                candidates.append(Candidate.of(self._settings, stored, checked.order))
            failpoints.reach(failpoints.OBJECT_STORED)
            yield candidates
        except OutcomeUnknown:
            raise  # their rows may be there: else the sweep of what is left over finds them
        except BaseException:
            for key in keys:
                with contextlib.suppress(Exception):
                    self._store.delete(key)
            raise

    def _named(self, file: Received, media_type: str) -> Stored:
        document_id = ids.new_id()
        key = source_key(self.instance, document_id)
        return Stored(document_id, file.file_name, media_type, file.size_bytes, file.sha256, key)

    def _checked_all(self, files: Ordered) -> list[CheckedFile]:
        checked: list[CheckedFile] = []
        reasons: list[FileRefusal] = []
        for file, order in files:
            try:
                if isinstance(file, RefusedFile):
                    raise file.reason
                checked.append(checked_file(file, order, self._settings))
            except RequestError as reason:
                archive = file.archive if isinstance(file, Received) else None
                reasons.append(FileRefusal(file.file_name, reason, archive))
        if reasons:
            raise BatchRefused(reasons)
        return checked
