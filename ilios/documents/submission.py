"""Submission of documents: nothing is acknowledged before it is durable, object, then row."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ilios.accounts import holdings
from ilios.accounts.holdings import Holding
from ilios.core import clock, data_folder, failpoints, ids
from ilios.core.conversion_errors import ConversionError
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import OutcomeUnknown
from ilios.core.request_errors import UploadAlreadyCompleted
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, spans, tracing
from ilios.core.telemetry.spans import Kind, Span
from ilios.db.database import Database, Scope
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Batch, Document, DocumentStatus
from ilios.documents import idempotency, repository, snapshots, uploaded_objects
from ilios.documents.admission import OPERATION_FILE, Order, Stored, admit_upload, columns
from ilios.documents.idempotency import Created, CreatedBefore, Repeatable
from ilios.documents.new_documents import NewDocuments
from ilios.documents.snapshots import Shown, Snapshot
from ilios.documents.uploads import RefusedFile
from ilios.documents.validation import Submitted, require_read
from ilios.queue.notify import Notifier
from ilios.storage.base import ObjectStore
from ilios.storage.object_keys import incoming_key, uploaded_key

log = logs.get(__name__)

MAX_RETENTION_DAYS = 3650
MAX_BATCH_FILES = 100
UPLOAD_LINK_LIFETIME = timedelta(hours=1)
SUBMIT = "submit"  #: the span of a submission


@dataclass(frozen=True, slots=True)
class UploadOffer:
    """Where a client may PUT the bytes of a document."""

    document_id: str
    url: str
    key: str
    expires_seconds: int


class Submissions:
    """Stores files, inserts document and job in one transaction, then wakes the supervisor."""

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
        self._store = store
        self._disk_reserve = DiskReserve(settings)
        self._new = NewDocuments(
            settings, database, store, self._disk_reserve, group_commit or GroupCommit(database)
        )
        self._notifier = notifier
        self._scratch = data_folder.uploads(settings)

    def submit(self, file: Submitted, order: Order) -> Snapshot:
        """Queue one document: to be converted, or to be fetched first.

        With a key, return the one that the same request has queued before; CreatedBefore says that
        it was a batch, as that of an archive is.

        Raises EmptyFile, UnsupportedType, OptionUnavailable, StorageQuotaExceeded, TooManyWaiting,
        StorageUnavailable, DatabaseBusy; nothing is kept then. With a key also
        IdempotencyKeyReused, and Gone when that document was deleted.
        """
        try:
            with spans.span(SUBMIT, Kind.PRODUCER) as span:
                row = self._new.insert(file, _under(span, order))
                span.note("ilios.document.id", row["id"])
        except CreatedBefore as before:
            if before.created.batch is not None:
                raise
            return before.created.documents[0]
        failpoints.reach(failpoints.ROW_COMMITTED)
        self._notifier.notify()
        document = snapshots.of_row(row)
        _log_accepted(document)
        return document

    def submit_all(self, files: Sequence[tuple[Submitted, Order]]) -> list[Snapshot]:
        """Queue documents of one owner, all or none, that are no batch; raises what `submit` does.

        The orders are of one request.
        """
        try:
            with spans.span(SUBMIT, Kind.PRODUCER, {"ilios.documents": len(files)}) as span:
                rows = self._new.insert_all([(file, _under(span, one)) for file, one in files])
        except CreatedBefore as before:
            return before.created.documents
        self._notifier.notify()
        documents = [snapshots.of_row(row) for row in rows]
        for document in documents:
            _log_accepted(document)
        return documents

    def submit_batch(
        self, files: Sequence[Submitted | RefusedFile], order: Order
    ) -> tuple[Batch, list[Snapshot]]:
        """Queue documents together, all or none; see `submit_together`."""
        return self.submit_together([(file, order) for file in files])

    def submit_together(
        self, files: Sequence[tuple[Submitted | RefusedFile, Order]], batch_id: str | None = None
    ) -> tuple[Batch, list[Snapshot]]:
        """Queue documents, each with its order, all or none.

        The orders have an owner, a priority, a model and a lane in common. Raises
        BatchRefused with every file's reason, and what `submit` raises for the key's room and for
        the store. A batch that the same request has queued before has another id.
        """
        try:
            with spans.span(SUBMIT, Kind.PRODUCER, {"ilios.documents": len(files)}) as span:
                ordered = [(file, _under(span, order)) for file, order in files]
                batch, rows = self._new.insert_batch(ordered, batch_id)
                span.note("ilios.batch.id", batch.id)
        except CreatedBefore as before:
            return before.created.batch_with_documents()
        self._notifier.notify()
        documents = [snapshots.of_row(row) for row in rows]
        log.info(
            "batch.accepted",
            batch_id=batch.id,
            documents=len(documents),
            in_provider_lane=files[0][1].provider_batch,
        )
        for document in documents:
            _log_accepted(document)
        return batch, documents

    def created_by(self, repeatable: Repeatable | None) -> Created | None:
        """Return what the same request has created before; see ilios.documents.idempotency."""
        return self._new.created_by(repeatable)

    def offer_upload(
        self,
        *,
        owner: str,
        file_name: str,
        size_bytes: int,
        media_type: str,
        retention_days: int,
        repeatable: Repeatable | None = None,
    ) -> UploadOffer:
        """Give out a link for the bytes; the document waits for them, and their room is kept.

        Of a document that the same request was offered before, another link. Raises
        StorageQuotaExceeded, TooManyWaiting and DiskFull.
        """
        self._disk_reserve.require()  # only the row is written now
        offer = self._offer(ids.new_id(), size_bytes)
        order = Order(owner=owner, retention_days=retention_days)
        standard = self._new.standard()
        try:
            with self._database.writing(Scope.owner(owner)) as session:
                idempotency.require_new(session, repeatable)
                holding = holdings.of(session, owner, standard)
                holding.require_room(holdings.counted_bytes(size_bytes), 1)
                row = repository.add(
                    session,
                    **columns(order),
                    id=offer.document_id,
                    file_name=file_name,
                    mime_type=media_type,
                    file_size=size_bytes,
                    storage_key=offer.key,
                    status=DocumentStatus.AWAITING_UPLOAD,
                    created_at=clock.now(),
                )
                idempotency.note(session, repeatable, [row])
        except CreatedBefore as before:
            return self._offer(before.created.documents[0].id, size_bytes)
        log.info("upload.offered", document_id=offer.document_id, size_bytes=size_bytes)
        return offer

    def holding(self, owner: str) -> Holding:
        """Return what an owner holds, and what it may hold."""
        return self._new.holding(owner, self._new.standard())

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
        uploaded_objects.require_whole(self._store, document)
        self._disk_reserve.require(document.file_size)
        # A key of its own for each attempt: one that loses a race removes only its own copy.
        key = uploaded_key(self._new.instance, document_id, ids.new_id())
        self._store.copy(document.storage_key, key)
        try:
            media_type, sha256 = self._inspected(key, document)
            uploaded = Stored(
                document_id, document.file_name, media_type, document.file_size, sha256, key
            )
            completed = self._admit(document, uploaded)
        except OutcomeUnknown:
            raise  # the copy may be the document's now: else the sweep finds it
        except Exception:
            with contextlib.suppress(Exception):
                self._store.delete(key)
            raise
        _log_accepted(completed)
        self._notifier.notify()
        with contextlib.suppress(ConversionError):  # it is queued; a left-over copy is no failure
            self._store.delete(document.storage_key)
        return completed

    def _offer(self, document_id: str, size_bytes: int) -> UploadOffer:
        key = incoming_key(self._new.instance, document_id)
        url = self._store.presign_put(key, expires=UPLOAD_LINK_LIFETIME, size_bytes=size_bytes)
        return UploadOffer(document_id, url, key, int(UPLOAD_LINK_LIFETIME.total_seconds()))

    def _inspected(self, key: str, document: Document) -> tuple[str, str]:
        """Return type and SHA-256 of a stored object, from its bytes."""
        path = self._scratch / ids.new_id()
        try:
            with self._disk_reserve.promised(document.file_size):
                self._store.fetch(key, path)
            media_type, sha256 = uploaded_objects.type_and_hash(path, document.file_name)
            require_read(media_type, self._settings)
            return media_type, sha256
        finally:
            path.unlink(missing_ok=True)

    def _admit(self, seen: Document, uploaded: Stored) -> Document:
        scope = Scope.owner(seen.owner)
        with spans.span(SUBMIT, Kind.PRODUCER), self._database.writing(scope) as session:
            document = repository.present_document_of(session, seen.id, seen.owner)
            _require_awaiting(document)
            origin = tracing.current()
            admit_upload(session, self._settings, document, uploaded, clock.now(), origin)
        return document


def _under(span: Span, order: Order) -> Order:
    """Return an order whose jobs belong to a span."""
    return replace(order, origin=tracing.current()) if span.is_recorded else order


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
