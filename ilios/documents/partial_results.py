"""Documents that may be completed without some of their pages (`allowPartial`).

Pages that fail are noted while others are still converted; the last job decides. Takes a session,
never commits.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from ilios.core.conversion_errors import ConversionError, TooManyPagesFailed
from ilios.db.models import Document, Job, JobType
from ilios.documents import failed_pages, repository, results
from ilios.documents.options import options_of, pages_between
from ilios.engines.page_selection import MAX_PAGE_NUMBER


class Outcome(StrEnum):
    """What became of a document when pages of it had failed."""

    COMPLETED = "completed"  #: without them
    FAILED = "failed"
    OPEN = "open"  #: other pages of it are to come


def fail(
    session: Session,
    document_id: str,
    error: ConversionError,
    now: datetime,
    pages: Collection[int] | None = None,
) -> Outcome:
    """Fail a document, or these pages alone if it may lack some; None is all that are missing."""
    document = session.get_one(Document, document_id)
    if options_of(document).allow_partial is None:
        results.fail(session, document_id, error, now)
        return Outcome.FAILED
    missing = all_pages(session, document) if pages is None else pages
    note_failed(session, document_id, missing, error.code)
    if pages is not None and not results.is_whole(session, document_id):
        return Outcome.OPEN
    is_completed = end(session, document_id, now, error)
    return Outcome.COMPLETED if is_completed else Outcome.FAILED


def note_job(session: Session, job: Job, document: Document, error: ConversionError) -> None:
    """Note that the pages of a job which are not stored have failed."""
    if job.type is JobType.RANGE and job.first_page is not None and job.last_page is not None:
        pages: Collection[int] = pages_between(document, job.first_page, job.last_page)
    else:
        pages = all_pages(session, document)
    note_failed(session, document.id, pages, error.code)


def note_failed(session: Session, document_id: str, indexes: Collection[int], code: str) -> None:
    """Note that these pages have failed, as far as they are not stored."""
    document = session.get_one(Document, document_id, populate_existing=True)
    stored = set(repository.page_indexes(session, document_id))
    missing = [index for index in indexes if index not in stored]
    document.failed_pages = failed_pages.merged(document.failed_pages, missing, code)
    session.flush()


def ended_pages(session: Session, document: Document) -> set[int]:
    """Return the indexes of pages that are stored, or that have failed for good."""
    stored = repository.page_indexes(session, document.id)
    return {*stored, *(index for index, _ in failed_pages.each(document.failed_pages))}


def all_pages(session: Session, document: Document) -> Collection[int]:
    """Return the pages that were asked for of a document, as far as it is known how many it has."""
    selected = options_of(document).pages
    if selected is not None:
        return selected.between(0, MAX_PAGE_NUMBER)
    stored = len(repository.page_indexes(session, document.id))
    return range(max(document.page_count or 0, stored + failed_pages.count(document.failed_pages)))


def end(
    session: Session, document_id: str, now: datetime, error: ConversionError | None = None
) -> bool:
    """End a document none of whose pages is to come any more; return whether it is completed.

    `error` is that of its last page, if that has failed.
    """
    document = session.get_one(Document, document_id, populate_existing=True)
    failed = failed_pages.count(document.failed_pages)
    stored = len(repository.page_indexes(session, document_id))
    if not failed and error is None:
        results.complete(session, document_id, now)
        return True
    allowed = options_of(document).allow_partial or 0
    if stored and failed and failed / (failed + stored) <= allowed:
        results.complete(session, document_id, now, document.failed_pages)
        failed_pages.renew(session, document_id)
        return True
    if error is None or (stored and failed):
        error = TooManyPagesFailed(
            f"{failed:,} of {failed + stored:,} pages could not be converted "
            f"({', '.join(failed_pages.codes(document.failed_pages))}), and allowPartial="
            f"{allowed:g} lets no more than that share be missing. The others can be read by their "
            "numbers. Retry the document to convert these alone."
        )
    results.fail(session, document_id, error, now)
    return False
