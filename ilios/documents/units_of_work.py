"""Units of work on documents: admit, cancel, delete; as in ilios.conversion.units_of_work.

Each is run in a transaction that units of other requests may share, and again when that fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from ilios.accounts import holdings
from ilios.accounts.holdings import Standard
from ilios.core import clock, ids
from ilios.core.request_errors import Gone, TooLate, UploadIncomplete
from ilios.core.settings import Settings
from ilios.db.driver_session import DriverSession
from ilios.db.models import DocumentStatus, ProviderBatch, ProviderBatchState, statuses
from ilios.documents import joint_admission, removal, repository
from ilios.documents.admission import Candidate, Order, admit
from ilios.documents.joint_admission import Outcome
from ilios.documents.remote import RemoteCandidate
from ilios.documents.remote_admission import admit_remote
from ilios.engines import registry
from ilios.queue import jobs, priority

AnyCandidate = Candidate | RemoteCandidate


@dataclass(frozen=True, slots=True)
class AdmitDocument:
    """Admit one document."""

    candidate: AnyCandidate
    standard: Standard

    def __call__(self, session: Session) -> dict[str, Any]:
        """Raise StorageQuotaExceeded, TooManyWaiting, and what `admit` raises."""
        holding = holdings.of(session, self.candidate.order.owner, self.standard)
        holding.require_room(holdings.counted_bytes(self.candidate.size_bytes), 1)
        return _admit(session, self.candidate, clock.now())

    @staticmethod
    def together(session: DriverSession, units: Sequence[AdmitDocument]) -> list[Outcome]:
        """Admit documents at once, as GroupCommit asks for it."""
        given = [(unit.candidate, unit.standard) for unit in units]
        return joint_admission.admit(session, given, clock.now())


@dataclass(frozen=True, slots=True)
class AdmitDocuments:
    """Admit documents of one owner that are no batch, all or none."""

    candidates: Sequence[AnyCandidate]
    standard: Standard

    def __call__(self, session: Session) -> list[dict[str, Any]]:
        """Raise StorageQuotaExceeded, TooManyWaiting, and what `admit` raises."""
        _require_room(session, self.candidates, self.standard)
        begun = clock.now()
        return [
            _admit(session, candidate, begun + timedelta(microseconds=number))
            for number, candidate in enumerate(self.candidates)
        ]


@dataclass(frozen=True, slots=True)
class AdmitBatch:
    """Admit documents together, all or none."""

    settings: Settings
    candidates: Sequence[AnyCandidate]
    standard: Standard
    batch: dict[str, Any]  #: its columns

    def __call__(self, session: Session) -> list[dict[str, Any]]:
        """Raise StorageQuotaExceeded, TooManyWaiting, and what `admit` raises."""
        order = self.candidates[0].order
        _require_room(session, self.candidates, self.standard)
        repository.add_batch(session, **self.batch)
        provider_batch_id = ids.new_id() if order.provider_batch else None
        documents = [
            _admit(
                session,
                candidate,
                # A microsecond apart, so that they can be sorted in the order of submission.
                self.batch["created_at"] + timedelta(microseconds=number),
                batch_id=self.batch["id"],
                provider_batch_id=provider_batch_id,
            )
            for number, candidate in enumerate(self.candidates)
        ]
        if provider_batch_id and any(document["provider_batch_id"] for document in documents):
            _open_provider_batch(session, self.settings, self.batch, provider_batch_id, order)
        return documents


@dataclass(frozen=True, slots=True)
class CancelDocument:
    """Stop the conversion of a document of an owner."""

    document_id: str
    owner: str

    def __call__(self, session: Session) -> bool:
        """Return False when it was cancelled before.

        Raises DocumentNotFound, Gone, UploadIncomplete, TooLate.
        """
        status, root_id = repository.state_of(session, self.document_id, self.owner)
        if status is DocumentStatus.CANCELLED:
            return False
        _require_open(status)
        return removal.cancel(session, self.document_id, root_id, clock.now())


@dataclass(frozen=True, slots=True)
class CancelBatch:
    """Stop the conversion of all open documents of a batch of an owner."""

    batch_id: str
    owner: str

    def __call__(self, session: Session) -> None:
        """Raise BatchNotFound, TooLate."""
        repository.batch_of(session, self.batch_id, self.owner)
        found = repository.statuses_in_batch(session, self.batch_id)
        if not found & {*statuses.OPEN, DocumentStatus.CANCELLED}:
            raise TooLate("Every document of this batch has ended. DELETE those to be removed.")
        removal.cancel_batch(session, self.batch_id, clock.now())
        priority.schedule_batch_now(session, self.batch_id)


@dataclass(frozen=True, slots=True)
class DeleteDocument:
    """Make a document of an owner a tombstone."""

    document_id: str
    owner: str

    def __call__(self, session: Session) -> str | None:
        """Return the id of the document whose pages answered it; None when it was deleted before.

        Raises DocumentNotFound.
        """
        _, root_id = repository.state_of(session, self.document_id, self.owner)
        is_new = removal.tombstone(session, self.document_id, root_id, clock.now())
        return root_id if is_new else None


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """Make a kept file of an owner, whose object is gone, a tombstone with nothing to erase."""

    document_id: str
    owner: str

    def __call__(self, session: Session) -> bool:
        """Return False when it was deleted before."""
        return removal.tombstone_of_file(session, self.document_id, self.owner, clock.now())


@dataclass(frozen=True, slots=True)
class CloseErased:
    """Forget the result of a document whose objects are gone; see `removal.close`."""

    document_id: str
    keeps_images: bool

    def __call__(self, session: Session) -> bool:
        removal.forget_result(session, self.document_id)
        return removal.close(session, self.document_id, keeps_images=self.keeps_images)


def _admit(
    session: Session,
    candidate: AnyCandidate,
    now: datetime,
    *,
    batch_id: str | None = None,
    provider_batch_id: str | None = None,
) -> dict[str, Any]:
    if isinstance(candidate, RemoteCandidate):
        return admit_remote(session, candidate, now, batch_id=batch_id)
    return admit(session, candidate, now, batch_id=batch_id, provider_batch_id=provider_batch_id)


def _open_provider_batch(
    session: Session,
    settings: Settings,
    batch: dict[str, Any],
    provider_batch_id: str,
    order: Order,
) -> None:
    """Insert a provider's batch for the documents that are marked so, and enqueue its job."""
    session.add(
        ProviderBatch(
            id=provider_batch_id,
            batch_id=batch["id"],
            owner=order.owner,
            model=order.options.model or settings.ocr_model,
            state=ProviderBatchState.PREPARING,
            file_ids=[],
            created_at=batch["created_at"],
        )
    )
    jobs.enqueue(
        session,
        provider_batch_id=provider_batch_id,
        owner=order.owner,
        lane=registry.MISTRAL,
        priority=order.priority,
        now=batch["created_at"],
        origin=order.origin,
    )


def _require_room(session: Session, candidates: Sequence[AnyCandidate], standard: Standard) -> None:
    """Raise StorageQuotaExceeded or TooManyWaiting if their owner has no room for all of them."""
    sizes = (candidate.size_bytes for candidate in candidates)
    counted_bytes = sum(map(holdings.counted_bytes, sizes))
    holding = holdings.of(session, candidates[0].order.owner, standard)
    holding.require_room(counted_bytes, len(candidates))


def _require_open(status: DocumentStatus) -> None:
    if status is DocumentStatus.DELETED:
        raise Gone(repository.GONE)
    if status is DocumentStatus.AWAITING_UPLOAD:
        raise UploadIncomplete("Nothing of this document has arrived yet. DELETE it instead.")
    if status not in statuses.OPEN:
        raise TooLate(
            f"The document is {status.value}: there is nothing left to cancel. "
            "DELETE it to remove it and its result."
        )
