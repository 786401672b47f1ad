"""Submission of documents: nothing is acknowledged before it is durable, object, then row."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from ilios.accounts import holdings
from ilios.accounts.holdings import Holding, Standard
from ilios.core import clock, data_folder, failpoints, ids
from ilios.core.conversion_errors import ConversionError, ObjectMissing
from ilios.core.disk_space import DiskReserve
from ilios.core.request_errors import (
    BatchRefused,
    RequestError,
    UploadAlreadyCompleted,
    UploadIncomplete,
)
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, tracing
from ilios.db import instance
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Batch, Document, DocumentStatus
from ilios.documents import repository, snapshots
from ilios.documents.admission import (
    OPERATION_FILE,
    Candidate,
    Order,
    Stored,
    admit_upload,
    columns,
)
from ilios.documents.remote import Remote, RemoteCandidate
from ilios.documents.snapshots import Shown, Snapshot
from ilios.documents.units_of_work import AdmitBatch, AdmitDocument, AnyCandidate
from ilios.documents.uploads import Received
from ilios.documents.validation import CheckedFile, Submitted, checked_file
from ilios.engines.detection import media_types
from ilios.queue.notify import Notifier
from ilios.storage.base import ObjectStore
from ilios.storage.object_keys import incoming_key, source_key, uploaded_key

log = logs.get(__name__)

MAX_RETENTION_DAYS = 3650
MAX_BATCH_FILES = 100
UPLOAD_LINK_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class UploadOffer:
    """Where a client may PUT the bytes of a document."""

    document_id: str
    url: str
    key: str
    expires_seconds: int


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file of a batch that was refused while it was received; its bytes are gone."""

    file_name: str
    reason: RequestError


class Submissions:
    """Stores files, then inserts document and job in one transaction, then wakes the supervisor."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: ObjectStore,
        notifier: Notifier,
        group_commit: GroupCommit | None = None,
    ) -> None:
        """Write with `group_commit`, which other services of the process may share."""
        self._settings = settings
        self._database = database
        self._group_commit = group_commit or GroupCommit(database)
        self._store = store
        self._disk_reserve = DiskReserve(settings)
        self._notifier = notifier
        self._scratch = data_folder.uploads(settings)

    def submit(self, file: Received | Remote, order: Order) -> Snapshot:
        """Queue one document: to be converted, or to be fetched first.

        Raises EmptyFile, UnsupportedType, OptionUnavailable, StorageQuotaExceeded, TooManyWaiting,
        StorageUnavailable, DatabaseBusy; nothing is kept then.
        """
        checked = checked_file(file, order, self._settings)
        standard = self._require_room(order.owner, [file])
        with self._candidates([checked]) as (candidate,):
            row = self._group_commit.write(AdmitDocument(candidate, standard), order.owner)
        failpoints.reach(failpoints.ROW_COMMITTED)
        self._notifier.notify()
        document = snapshots.of_row(row)
        _log_accepted(document)
        return document

    def submit_batch(
        self, files: Sequence[Submitted | RefusedFile], order: Order
    ) -> tuple[Batch, list[Snapshot]]:
        """Queue documents together, all or none; see `submit_together`."""
        return self.submit_together([(file, order) for file in files])

    def submit_together(
        self, files: Sequence[tuple[Submitted | RefusedFile, Order]], batch_id: str | None = None
    ) -> tuple[Batch, list[Snapshot]]:
        """Queue documents, each with its order, all or none.

        The orders have an owner, a priority, a model and a lane in common. Raises BatchRefused with
        every file's reason, and what `submit` raises for the key's room and for the store.
        """
        checked = self._checked_all(files)
        order = files[0][1]
        standard = self._require_room(order.owner, [one.file for one in checked])
        batch = {
            "id": batch_id or ids.new_id(),
            "owner": order.owner,
            "total_documents": len(checked),
            "priority": order.priority,
            "created_at": clock.now(),
        }
        with self._candidates(checked) as candidates:
            unit = AdmitBatch(self._settings, candidates, standard, batch)
            rows = self._group_commit.write(unit, order.owner)
        self._notifier.notify()
        documents = [snapshots.of_row(row) for row in rows]
        log.info(
            "batch.accepted",
            batch_id=batch["id"],
            documents=len(documents),
            in_provider_lane=order.provider_batch,
        )
        for document in documents:
            _log_accepted(document)
        return Batch(**batch), documents

    def offer_upload(
        self, *, owner: str, file_name: str, size_bytes: int, media_type: str, retention_days: int
    ) -> UploadOffer:
        """Give out a link for the bytes; the document waits for them, and their room is kept.

        Raises StorageQuotaExceeded, TooManyWaiting and DiskFull.
        """
        self._disk_reserve.require()  # only the row is written now
        document_id = ids.new_id()
        key = incoming_key(self._instance, document_id)
        url = self._store.presign_put(key, expires=UPLOAD_LINK_LIFETIME, size_bytes=size_bytes)
        order = Order(owner=owner, retention_days=retention_days)
        standard = self._standard()
        with self._database.writing() as session:
            holding = holdings.of(session, owner, standard)
            holding.require_room(holdings.counted_bytes(size_bytes), 1)
            repository.add(
                session,
                **columns(order),
                id=document_id,
                file_name=file_name,
                mime_type=media_type,
                file_size=size_bytes,
                storage_key=key,
                status=DocumentStatus.AWAITING_UPLOAD,
                created_at=clock.now(),
            )
        log.info("upload.offered", document_id=document_id, size_bytes=size_bytes)
        return UploadOffer(document_id, url, key, int(UPLOAD_LINK_LIFETIME.total_seconds()))

    def holding(self, owner: str) -> Holding:
        """Return what an owner holds, and what it may hold."""
        return self._holding(owner, self._standard())

    def owner_awaiting(self, key: str) -> str | None:
        """Return whose document waits for the bytes of this object; None when none does."""
        with self._database.reading() as session:
            return repository.owner_awaiting(session, key)

    def complete_upload(self, document_id: str, owner: str) -> Document:
        """Queue a document whose bytes were PUT to its link.

        The object is copied first, so that a late PUT to the same link changes nothing.
        Raises DocumentNotFound, UploadAlreadyCompleted, UploadIncomplete, UnsupportedType and
        DiskFull.
        """
        with self._database.reading() as session:
            document = repository.present_document_of(session, document_id, owner)
        _require_awaiting(document)
        self._require_whole(document)
        self._disk_reserve.require(document.file_size)
        # A key of its own for each attempt: one that loses a race removes only its own copy.
        key = uploaded_key(self._instance, document_id, ids.new_id())
        self._store.copy(document.storage_key, key)
        try:
            media_type, sha256 = self._inspect(key, document.file_name, document.file_size)
            uploaded = Stored(
                document_id, document.file_name, media_type, document.file_size, sha256, key
            )
            completed = self._admit(document, uploaded)
        except Exception:
            with contextlib.suppress(Exception):
                self._store.delete(key)
            raise
        _log_accepted(completed)
        self._notifier.notify()
        with contextlib.suppress(ConversionError):  # it is queued; a left-over copy is no failure
            self._store.delete(document.storage_key)
        return completed

    def _require_room(self, owner: str, files: Sequence[Submitted]) -> Standard:
        """Refuse what the transaction would refuse, at less cost for others that write with it.

        Returns what the transaction is to look at once more.
        """
        if any(isinstance(file, Remote) for file in files):
            self._disk_reserve.require()  # of these only rows are written now
        standard = self._standard()
        self._holding(owner, standard).require_room(_counted_bytes(files), len(files))
        return standard

    def _standard(self) -> Standard:
        return Standard.of(self._settings, self._disk_reserve.free_bytes)

    def _holding(self, owner: str, standard: Standard) -> Holding:
        with self._database.watching() as watch:
            return holdings.of(watch, owner, standard)

    @cached_property
    def _instance(self) -> str:
        with self._database.reading() as session:
            return instance.instance_id(session)

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
        except BaseException:
            for key in keys:
                with contextlib.suppress(Exception):
                    self._store.delete(key)
            raise

    def _named(self, file: Received, media_type: str) -> Stored:
        document_id = ids.new_id()
        key = source_key(self._instance, document_id)
        return Stored(document_id, file.file_name, media_type, file.size_bytes, file.sha256, key)

    def _require_whole(self, document: Document) -> None:
        try:
            size_bytes = self._store.stat(document.storage_key).size_bytes
        except ObjectMissing as error:
            raise UploadIncomplete(
                "No bytes have arrived at uploadUrl. PUT the file there, then complete the upload."
            ) from error
        if size_bytes != document.file_size:
            raise UploadIncomplete(
                f"{size_bytes} bytes have arrived at uploadUrl, but fileSize was "
                f"{document.file_size}. PUT the whole file again, or ask for a new link."
            )

    def _inspect(self, key: str, file_name: str, size_bytes: int) -> tuple[str, str]:
        """Return type and SHA-256 of a stored object, from its bytes."""
        path = self._scratch / ids.new_id()
        try:
            with self._disk_reserve.promised(size_bytes):
                self._store.fetch(key, path)
            with path.open("rb") as stream:
                media_type = media_types.sniff(stream, file_name)
                stream.seek(0)
                return media_type, hashlib.file_digest(stream, "sha256").hexdigest()
        finally:
            path.unlink(missing_ok=True)

    def _admit(self, seen: Document, uploaded: Stored) -> Document:
        with self._database.writing() as session:
            document = repository.present_document_of(session, seen.id, seen.owner)
            _require_awaiting(document)
            origin = tracing.current()
            admit_upload(session, self._settings, document, uploaded, clock.now(), origin)
        return document

    def _checked_all(
        self, files: Sequence[tuple[Submitted | RefusedFile, Order]]
    ) -> list[CheckedFile]:
        checked: list[CheckedFile] = []
        reasons: list[tuple[str, RequestError]] = []
        for file, order in files:
            try:
                if isinstance(file, RefusedFile):
                    raise file.reason
                checked.append(checked_file(file, order, self._settings))
            except RequestError as reason:
                reasons.append((file.file_name, reason))
        if reasons:
            raise BatchRefused(reasons)
        return checked


def _counted_bytes(files: Sequence[Submitted]) -> int:
    return sum(holdings.counted_bytes(file.size_bytes) for file in files)


def _log_accepted(document: Shown) -> None:
    log.info(
        "document.accepted",
        document_id=document.id,
        batch_id=document.batch_id,
        media_type=document.mime_type,
        size_bytes=document.file_size,
        status=document.status.value,
        result_of=document.result_of,
    )


def _require_awaiting(document: Document) -> None:
    if document.operation == OPERATION_FILE:
        raise UploadAlreadyCompleted("This is a file of /v1/files: POST /v1/ocr converts it.")
    if document.status is not DocumentStatus.AWAITING_UPLOAD:
        raise UploadAlreadyCompleted("This upload was completed already; follow its status.")
