"""A job that a worker has begun: what planner, converter and recorder pass to each other."""

from __future__ import annotations

from dataclasses import dataclass

from ilios.core.telemetry import logs, spans
from ilios.db.models import Document, Job
from ilios.documents.options import pages_between
from ilios.engines.base import DocumentInfo, Engine
from ilios.queue.jobs import Lease


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A claimed job and its document, read once; both are detached, and read only."""

    lease: Lease
    job: Job
    document: Document
    engine: Engine


@dataclass(frozen=True, slots=True)
class StoredRanges:
    """Ranges of pages, from 0 and with both ends, whose files are in the store.

    `size_bytes` is what these take, less the file that they take the place of. `info` is that of
    the whole document; None where the ranges are parts of one.
    """

    ranges: tuple[tuple[int, int], ...]
    size_bytes: int
    info: DocumentInfo | None


def bind_document(document_id: str) -> None:
    """Let the log lines and the span of this thread's job name its document."""
    logs.bind(document_id=document_id)
    spans.note("ilios.document.id", document_id)


def bounds(job: Job) -> tuple[int, int]:
    """Return first and last page of a range job, from 0, inclusive, among the selected pages.

    Raises ValueError for a job of another type.
    """
    if job.first_page is None or job.last_page is None:
        raise ValueError(f"job {job.id} is no range of pages")
    return job.first_page, job.last_page


def range_of(job: Job, document: Document) -> tuple[int, ...]:
    """Return the pages of the document that a range job's file holds, in order."""
    return pages_between(document, *bounds(job))
