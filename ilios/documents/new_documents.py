"""New documents: their files are stored, then their rows are inserted in one transaction.

Or neither: what was stored is deleted when the transaction refuses them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from ilios.accounts import holdings
from ilios.accounts.holdings import Holding, Standard
from ilios.core import clock, failpoints, ids
from ilios.core.disk_space import DiskReserve
from ilios.core.request_errors import BatchRefused, RequestError
from ilios.core.settings import Settings
from ilios.db import instance
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Batch
from ilios.documents import idempotency
from ilios.documents.admission import Candidate, Order, Stored
from ilios.documents.idempotency import Created, CreatedBefore, Repeatable, once
from ilios.documents.units_of_work import AdmitBatch, AdmitDocument, AdmitDocuments
from ilios.documents.uploads import Received, RefusedFile
from ilios.documents.validation import accepted_type
from ilios.storage.base import ObjectStore
from ilios.storage.object_keys import source_key

Ordered = Sequence[tuple[Received | RefusedFile, Order]]


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

    def insert(self, file: Received, order: Order) -> dict[str, Any]:
        """Insert one document, and return its row."""
        self._require_new(order.repeatable)
        media_type = accepted_type(file, order.options, self._settings)
        standard = self._require_room(order.owner, [file])
        with self._stored([(file, media_type)]) as (stored,):
            candidate = Candidate.of(self._settings, stored, order)
            unit = once(order.repeatable, AdmitDocument(candidate, standard))
            return self._group_commit.write(unit, order.owner)

    def insert_all(self, files: Sequence[tuple[Received, Order]]) -> list[dict[str, Any]]:
        """Insert documents that are no batch, and return their rows."""
        order = files[0][1]
        self._require_new(order.repeatable)
        checked = [
            (file, accepted_type(file, wanted.options, self._settings)) for file, wanted in files
        ]
        standard = self._require_room(order.owner, [file for file, _ in files])
        with self._stored(checked) as stored:
            unit = AdmitDocuments(self._candidates(stored, files), standard)
            return self._group_commit.write(once(order.repeatable, unit), order.owner)

    def insert_batch(
        self, files: Ordered, batch_id: str | None
    ) -> tuple[Batch, list[dict[str, Any]]]:
        """Insert a batch, and return it with the rows of its documents."""
        order = files[0][1]
        self._require_new(order.repeatable)
        checked = self._checked_all(files)
        standard = self._require_room(order.owner, [file for file, _ in checked])
        batch_id = batch_id or ids.new_id()
        batch = {
            "id": batch_id,
            "owner": order.owner,
            "total_documents": len(checked),
            "priority": order.priority,
            "created_at": clock.now(),
        }
        with self._stored(checked) as stored:
            unit = AdmitBatch(self._settings, self._candidates(stored, files), standard, batch)
            admitted = once(order.repeatable, unit, batch_id)
            return Batch(**batch), self._group_commit.write(admitted, order.owner)

    def _require_new(self, repeatable: Repeatable | None) -> None:
        """Raise CreatedBefore before anything is stored; the transaction looks once more."""
        if (created := self.created_by(repeatable)) is not None:
            raise CreatedBefore(created)

    def _require_room(self, owner: str, files: Sequence[Received]) -> Standard:
        """Refuse what the transaction would refuse, at less cost for others that write with it.

        Returns what the transaction is to look at once more.
        """
        standard = self.standard()
        counted_bytes = sum(holdings.counted_bytes(file.size_bytes) for file in files)
        self.holding(owner, standard).require_room(counted_bytes, len(files))
        return standard

    def _candidates(self, stored: Sequence[Stored], files: Ordered) -> list[Candidate]:
        return [
            Candidate.of(self._settings, item, wanted)
            for item, (_, wanted) in zip(stored, files, strict=True)
        ]

    @contextlib.contextmanager
    def _stored(self, files: Sequence[tuple[Received, str]]) -> Iterator[list[Stored]]:
        """Store the files durably; delete them if what follows fails."""
        stored: list[Stored] = []
        failpoints.reach(failpoints.UPLOAD_STREAMED)
        try:
            for file, media_type in files:
                document_id = ids.new_id()
                key = source_key(self.instance, document_id)
                stored.append(
                    Stored(
                        document_id, file.file_name, media_type, file.size_bytes, file.sha256, key
                    )
                )
                self._store.put(key, file.path, media_type, file.sha256)
            failpoints.reach(failpoints.OBJECT_STORED)
            yield stored
        except BaseException:
            for item in stored:
                with contextlib.suppress(Exception):
                    self._store.delete(item.storage_key)
            raise

    def _checked_all(self, files: Ordered) -> list[tuple[Received, str]]:
        checked: list[tuple[Received, str]] = []
        reasons: list[tuple[str, RequestError]] = []
        for file, order in files:
            try:
                if isinstance(file, RefusedFile):
                    raise file.reason
                checked.append((file, accepted_type(file, order.options, self._settings)))
            except RequestError as reason:
                reasons.append((file.file_name, reason))
        if reasons:
            raise BatchRefused(reasons)
        return checked
