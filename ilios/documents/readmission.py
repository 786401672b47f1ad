"""Readmission: a document that has ended waits for its conversion again.

Takes a session, never commits.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from ilios.accounts import holdings
from ilios.accounts.holdings import Standard
from ilios.core.password_errors import PasswordInUse, PasswordRequired
from ilios.core.settings import Settings
from ilios.core.telemetry.tracing import Origin
from ilios.db.models import Document, DocumentStatus, statuses
from ilios.documents import failed_pages, passwords, repository, results
from ilios.documents.admission import columns_of_result, enqueue, fingerprint_of, reserve
from ilios.documents.password_sealing import Password
from ilios.engines import registry
from ilios.engines.passwords import OPENED_BY_PASSWORD
from ilios.queue import cancellation, jobs, queries


def readmit(
    session: Session,
    settings: Settings,
    document: Document,
    standard: Standard,
    now: datetime,
    origin: Origin,
    password: Password | None = None,
) -> None:
    """Move a document that has failed, was cancelled or lacks pages → pending, of the open session.

    It gets fresh attempts; pages that are stored stay. A document that had joined another is
    converted, or completed, with it, unless that one was deleted or has another password. Raises
    TooManyWaiting, BudgetSpent, DailyPagesSpent, PasswordRequired or PasswordInUse.
    """
    holdings.of(session, document.owner, standard).require_room(0, 1)
    leader = session.get_one(Document, repository.result_id(document))
    password = _looked_at(session, settings, document, password)
    if leader.status is DocumentStatus.DELETED or leader.fingerprint != document.fingerprint:
        leader = document
    document.error = document.error_code = document.processed_at = document.started_at = None
    document.engine_fault = False
    if results.is_partial(document):
        document.warnings = failed_pages.noting(document.warnings, None)
        document.page_count = (document.page_count or 0) + failed_pages.count(document.failed_pages)
    document.archived_at = None
    document.provider_batch_id = None
    if leader is document:
        document.status, document.result_of = DocumentStatus.PENDING, None
    else:
        for name, value in columns_of_result(leader).items():
            setattr(document, name, value)
    if document.status is not DocumentStatus.PENDING or _is_under_way(session, leader):
        return
    last = repository.latest_job(session, leader.id)
    priority = last.priority if last else jobs.DEFAULT_PRIORITY
    leader.provider_batch_id = None  # the batch has ended, or goes on without it
    leader.pages_done = len(repository.page_indexes(session, leader.id))
    lane = registry.lane_of(leader.mime_type, settings)
    leader.reserved_pages = leader.reserved_micros = 0  # of its conversion before
    session.flush()
    if leader.storage_key:
        reserve(session, settings, leader, lane, now)
    else:  # its bytes are not here: what they are, and need, is found out once they are
        lane = jobs.FETCH_LANE
    cancellation.delete_ended(session, leader.id)
    session.flush()
    if password is not None:
        passwords.keep(session, leader.id, password.sealed(leader.id))
    enqueue(session, leader, lane, priority, now, origin)


def _looked_at(
    session: Session, settings: Settings, document: Document, password: Password | None
) -> Password | None:
    """Return the password that a document is to be opened with; None for one that has none.

    Raises PasswordRequired and PasswordInUse.
    """
    if document.mime_type not in OPENED_BY_PASSWORD and document.storage_key:
        return None
    if password is not None:
        _note_password(session, settings, document, password)
    elif passwords.came_with(session, document.id):
        raise PasswordRequired
    return password


def _note_password(
    session: Session, settings: Settings, document: Document, password: Password
) -> None:
    """Note that a document came with a password, which may be another one than it had before.

    From then on it is the duplicate of those that came with this one. Raises PasswordInUse.
    """
    passwords.note(session, document.id)
    if not document.storage_key:
        return  # its bytes are not here: nothing has joined it
    fingerprint = fingerprint_of(settings, document, password)
    if fingerprint == document.fingerprint:
        return
    if _is_under_way(session, document):
        raise PasswordInUse
    document.fingerprint = fingerprint


def _is_under_way(session: Session, document: Document) -> bool:
    """Return whether a document is being converted, by jobs of its own or in the batch lane."""
    in_batch_lane = document.provider_batch_id and document.status in statuses.OPEN
    return bool(in_batch_lane or queries.open_jobs(session, document.id))
