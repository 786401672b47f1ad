"""Actions of clients and operators on documents: cancel, retry, delete.

Each reads the row and changes it in one transaction, so that two at once do not conflict.
"""

from __future__ import annotations

import time
from typing import Final

from ilios.accounts.holdings import Standard
from ilios.core import clock
from ilios.core.conversion_errors import ConversionError, ObjectMissing
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import DatabaseBusy
from ilios.core.request_errors import NothingToRetry, OriginalMissing
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, spans, tracing
from ilios.core.telemetry.spans import Kind
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Document, statuses
from ilios.documents import repository, results
from ilios.documents.erasure import Erasure
from ilios.documents.kept_files import KeptFile
from ilios.documents.password_sealing import Password
from ilios.documents.readmission import readmit
from ilios.documents.units_of_work import CancelBatch, CancelDocument, DeleteDocument, DeleteFile
from ilios.queue.notify import Notifier
from ilios.storage.base import ObjectStore
from ilios.storage.page_image_cache import PageImageCache

log = logs.get(__name__)

ERASE_SECONDS: Final = 5.0
"""For which a DELETE erases pages; the workers take what is left of a long document."""
GIVE_BACK_SECONDS: Final = 1.0  #: for which a DELETE on a short disk shrinks the database


class DocumentActions:
    """Acts on documents of the owner that each call names."""

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
        self._notifier = notifier
        self._erasure = Erasure(database, store, PageImageCache(settings), self._group_commit)
        self._disk_reserve = DiskReserve(settings)

    def cancel(self, document_id: str, *, owner: str) -> None:
        """Stop the conversion of a document; do nothing if it was cancelled before.

        A call to the provider that is in flight is paid for, and recorded when it returns.
        Raises DocumentNotFound, Gone, UploadIncomplete, TooLate.
        """
        if not self._group_commit.write(CancelDocument(document_id, owner), owner):
            return
        self._notifier.notify()
        log.info("document.cancelled", document_id=document_id)

    def cancel_batch(self, batch_id: str, *, owner: str) -> None:
        """Stop the conversion of a batch's open documents. Raises BatchNotFound, TooLate."""
        self._group_commit.write(CancelBatch(batch_id, owner), owner)
        self._notifier.notify()
        log.info("batch.cancelled", batch_id=batch_id)

    def retry(self, document_id: str, *, owner: str, password: Password | None = None) -> None:
        """Convert a document that failed, was cancelled or lacks pages again, with fresh attempts.

        Only pages that are not stored yet are converted, and paid for.
        Raises DocumentNotFound, Gone, NothingToRetry, OriginalMissing, TooManyWaiting,
        BudgetSpent, DailyPagesSpent, PasswordRequired, PasswordInUse.
        """
        with self._database.reading() as session:
            document = repository.present_document_of(session, document_id, owner)
        _require_retryable(document)
        self._require_original(document)
        standard = Standard.of(self._settings, self._disk_reserve.free_bytes)
        with spans.span("retry", Kind.PRODUCER), self._database.writing() as session:
            document = repository.present_document_of(session, document_id, owner)
            _require_retryable(document)
            origin = tracing.current()
            readmit(session, self._settings, document, standard, clock.now(), origin, password)
        self._notifier.notify()
        log.info("document.retried", document_id=document_id)

    def delete(self, document_id: str, *, owner: str) -> None:
        """Delete a document, whatever its status; do nothing if it was deleted before.

        Objects that the store cannot delete now are deleted by the next sweep. Raises
        DocumentNotFound.
        """
        root_id = self._group_commit.write(DeleteDocument(document_id, owner), owner)
        if root_id is None:
            return
        self._notifier.notify()
        log.info("document.deleted", document_id=document_id)
        until = time.monotonic() + ERASE_SECONDS
        self._erasure.try_to_erase(document_id, until)
        if root_id != document_id:  # it may have been the last to need that one's pages
            self._erasure.try_to_erase(root_id, until)
        self._give_back_if_short()

    def delete_file(self, file: KeptFile, *, owner: str) -> None:
        """Delete a kept file, in one transaction: no job, page or image was made of it.

        Its object goes first. Until the row follows, its bytes are not found; a DELETE that is
        repeated, or its end, removes the row. If the store cannot delete now, the next sweep does.
        """
        try:
            self._store.delete(file.key)
        except ConversionError:
            self.delete(file.id, owner=owner)
            return
        if self._group_commit.write(DeleteFile(file.id, owner), owner):
            log.info("document.deleted", document_id=file.id)
            log.info("document.erased", document_id=file.id)
        self._give_back_if_short()

    def _give_back_if_short(self) -> None:
        """Give what was deleted back to a disk that is short of room; the sweep does the rest."""
        if not self._disk_reserve.fault():
            return
        try:
            self._database.give_back(time.monotonic() + GIVE_BACK_SECONDS)
        except (DatabaseBusy, self._database.driver_error) as error:
            log.warning("database.not_shrunk", reason=str(error))

    def _require_original(self, document: Document) -> None:
        if not document.storage_key:
            return  # it is still to be fetched from its address
        try:
            self._store.stat(document.storage_key)
        except ObjectMissing as error:
            raise OriginalMissing(
                "The original of this document is no longer stored. Submit it again."
            ) from error


def _require_retryable(document: Document) -> None:
    if document.status not in statuses.RETRYABLE and not results.is_partial(document):
        raise NothingToRetry(
            f"The document is {document.status.value}; only failed and cancelled ones, and those "
            "that lack pages (`partial`), are retried. To convert it anew, submit it with "
            "cache=false."
        )
