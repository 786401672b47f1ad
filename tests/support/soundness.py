"""What has to be so after any fault: one checker for all tests that break things.

`violations` lists what is not, each as a sentence. It may run beside a service that is idle. What
the service sweeps after a day, or when it is ten minutes old, is swept here at once: the sweep
itself must find it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psutil
import pytest
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from ilios.accounts import ledger
from ilios.conversion import converter
from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db import instance, owner_totals
from ilios.db.database import Database
from ilios.db.driver import sqlite
from ilios.db.models import Call, CallState, Document, DocumentStatus, Job, JobStatus, PageRow
from ilios.db.models.cluster import PaidAnswer
from ilios.documents import failed_pages
from ilios.documents.retention.service import Retention
from ilios.engines.mistral import files
from ilios.engines.mistral.engine import MistralEngine
from ilios.engines.registry import MISTRAL
from ilios.storage.object_keys import folders_of_instance, kind_of
from ilios.storage.opening import open_store
from tests.mistral_server.process import MistralServer
from tests.support import working
from tests.support.waiting import wait_until

LATER = timedelta(hours=25)  #: by then everything that was left behind is old enough
IDLE_TIMEOUT_S = 30.0
ENDED = (
    DocumentStatus.COMPLETED,
    DocumentStatus.FAILED,
    DocumentStatus.CANCELLED,
    DocumentStatus.DELETED,
)
PAGE_MICROS = 5200  #: of the default model, with the margin of 30 %
ANNOTATED_PAGE_MICROS = 6500
RETRYABLE = {
    "worker_lost",
    "provider_unavailable",
    "storage_unavailable",
    "engine_failed",
    "parser_crashed",
    "pages_missing",
}

Marks = Sequence[str]
"""A text for each page of a document, to be found in its result."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is examined: a data folder, or those of all nodes, and the provider that billed them."""

    settings: Settings
    database: Database
    provider: MistralServer
    others: tuple[Settings, ...] = ()  #: of further nodes on the same database

    @property
    def nodes(self) -> tuple[Settings, ...]:
        return (self.settings, *self.others)


def all_ended(database: Database) -> bool:
    with database.reading() as session:
        still_open = select(Document.id).where(Document.status.not_in(ENDED)).limit(1)
        return session.scalar(still_open) is None


def not_completed(database: Database, document_ids: Collection[str]) -> list[str]:
    """Return what else became of these documents, each as a sentence."""
    with database.reading() as session:
        which = select(Document).where(Document.id.in_(document_ids))
        found = {one.id: one for one in session.scalars(which)}
    return [
        *(f"{lost} is lost" for lost in set(document_ids) - set(found)),
        *(
            f"{one.id} is {one.status.value}: {one.error_code}, {one.error}"
            for one in found.values()
            if one.status is not DocumentStatus.COMPLETED
        ),
    ]


def violations(place: Place, acknowledged: Mapping[str, Marks]) -> list[str]:
    """Return what is wrong at the end of everything; `acknowledged` are documents by their ids."""
    _come_to_rest(place)
    with pytest.MonkeyPatch.context() as patch:
        _sweep(place, patch)
    with place.database.reading() as session:
        found = [
            *_of_documents(session, place.settings, acknowledged),
            *_of_the_bill(session, place.provider),
            *_of_objects(session, place.settings),
            *(line for node in place.nodes for line in _of_copies(session, node)),
            *_of_holdings(session),
            *_of_webhooks(session),
        ]
    with place.database.writing() as session:  # what compares the index is a statement that writes
        found += _of_index(session, is_file=not place.database.is_remote)
    if not place.database.is_remote:
        found += _of_the_file(place.settings.database_path)
    return [*found, *_left_behind(place)]


def files_held(processes: Sequence[psutil.Process], folders: Collection[Path]) -> list[str]:
    """Return temporary files that idle processes still have open, deleted or not."""
    scratch = tuple(str(folder / "tmp") for folder in folders)
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
            for link in Path(f"/proc/{process.pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if str(link.readlink()).startswith(scratch):
                        found.append(f"{process.name()} holds {link.readlink()}")
    return found


def _come_to_rest(place: Place) -> None:
    """Wait for workers' last files: a document ends a moment before they are removed.

    If that worker dies in between, the next start of the service clears it.
    """
    wait_until(lambda: place.provider.stats().in_flight == 0, IDLE_TIMEOUT_S)
    workspaces = [data_folder.workspaces(node) for node in place.nodes]
    with contextlib.suppress(TimeoutError):  # what is still there was left behind
        wait_until(lambda: not any(any(one.iterdir()) for one in workspaces), IDLE_TIMEOUT_S)


def _sweep(place: Place, patch: pytest.MonkeyPatch) -> None:
    """Do what a worker does every ten minutes, as if everything were old."""
    patch.setattr(converter, "UNCOLLECTED_SECONDS", 0.0)
    deadline = place.settings.call_deadline_seconds
    patch.setattr(files, "IN_USE_MARGIN_SECONDS", -2.0 * deadline - 1)
    for node in place.nodes:
        _sweep_node(node, place.database)


def _sweep_node(settings: Settings, database: Database) -> None:
    store = open_store(settings)
    with database.reading() as session:
        engine = MistralEngine(settings, instance.instance_id(session))
    with closing(engine):
        working.converter(
            settings, database, store, engine, lane=MISTRAL, pricing=settings.pricing
        ).collect_leftovers()
        engine.sweep()
    Retention(settings, database, store).run(clock.now() + LATER, thoroughly=True)


def _of_holdings(session: Session) -> Iterator[str]:
    driver = session.connection().connection.driver_connection
    for wrong in owner_totals.differences(driver):
        yield f"{wrong.owner} holds {wrong.counted}, and {wrong.noted} is noted"


def _of_webhooks(session: Session) -> Iterator[str]:
    driver: Any = session.connection().connection.driver_connection
    stranded = driver.execute(
        "SELECT id FROM webhook_deliveries AS d WHERE status = 'pending' "
        "AND next_attempt_at IS NULL AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS e "
        "WHERE e.stream = d.stream AND e.number < d.number AND e.ended_at IS NULL)"
    ).fetchall()
    yield from (f"delivery {delivery_id} waits for nothing" for (delivery_id,) in stranded)
    telling = driver.execute(
        "SELECT d.id FROM webhook_deliveries AS d JOIN documents AS o ON o.id = d.stream "
        "WHERE o.status = 'deleted' AND d.details IS NOT NULL"
    ).fetchall()
    yield from (f"delivery {delivery_id} tells of what is deleted" for (delivery_id,) in telling)


def _of_documents(
    session: Session, settings: Settings, acknowledged: Mapping[str, Marks]
) -> Iterator[str]:
    documents = {one.id: one for one in session.scalars(select(Document))}
    for document_id, marks in acknowledged.items():
        document = documents.get(document_id)
        if document is None:
            yield f"{document_id} was acknowledged and is lost"
        elif document.status is DocumentStatus.DELETED:
            yield f"{document_id} was acknowledged and is deleted"
        elif document.status is DocumentStatus.COMPLETED:
            yield from _of_result(session, document, marks)
    for document in documents.values():
        if document.status not in ENDED:
            yield f"{document.id} is still {document.status.value}"
        elif document.status is DocumentStatus.FAILED and document.result_of is None:
            yield from _of_failure(session, settings, document)
        if document.reserved_pages or document.reserved_micros:
            yield f"{document.id} has ended and still reserves pages"
    open_jobs = select(func.count()).where(
        Job.status.in_((JobStatus.PENDING, JobStatus.PROCESSING))
    )
    if count := session.scalar(open_jobs):
        yield f"{count} jobs are open although every document has ended"


def _of_result(session: Session, document: Document, marks: Marks) -> Iterator[str]:
    owner = document.result_of or document.id
    failed = {index for index, _ in failed_pages.each(document.failed_pages)}
    wanted = {index: mark for index, mark in enumerate(marks) if index not in failed}
    of_document = select(PageRow.index, PageRow.markdown).where(PageRow.document_id == owner)
    pages = {row["index"]: row["markdown"] for row in session.execute(of_document).mappings()}
    if pages.keys() != wanted.keys() or document.page_count != len(wanted):
        yield f"{document.id} has {len(pages)} of {len(marks)} pages, {len(failed)} have failed"
    for index, markdown in pages.items():
        if wanted.get(index, markdown) not in markdown:
            yield f"page {index} of {document.id} is not its own"


def _of_failure(session: Session, settings: Settings, document: Document) -> Iterator[str]:
    """Name a document that failed before its attempts were spent."""
    jobs = list(session.scalars(select(Job).where(Job.document_id == document.id)))
    doubts = max((ledger.calls_unknown(session, job.id) for job in jobs), default=0)
    code = document.error_code or ""
    is_right = (
        (code == "outcome_unknown" and doubts > settings.ambiguous_retries)
        or (code in RETRYABLE and any(job.attempts >= job.max_attempts for job in jobs))
        or (code == "poison_document" and any(job.crashes >= 2 for job in jobs))
    )
    if not is_right:
        yield f"{document.id} failed although it need not: {code}, {document.error}"


def _of_the_bill(session: Session, provider: MistralServer) -> Iterator[str]:
    paid = Call.engine == MISTRAL
    sums = select(func.coalesce(func.sum(Call.pages), 0)).where(paid)
    settled = session.scalar(sums.where(Call.state == CallState.SETTLED)) or 0
    doubtful = select(func.coalesce(func.sum(Call.expected_pages), 0)).where(paid)
    unknown = session.scalar(doubtful.where(Call.state == CallState.UNKNOWN)) or 0
    billed = provider.stats().billed_pages
    if not settled <= billed <= settled + unknown:
        yield f"{billed} pages were billed; the ledger has {settled}, and {unknown} in doubt"
    cost = session.scalar(select(func.coalesce(func.sum(Call.total_cost_micros), 0)).where(paid))
    page_micros = case((Call.is_annotated, ANNOTATED_PAGE_MICROS), else_=PAGE_MICROS)
    due = select(func.coalesce(func.sum(Call.pages * page_micros), 0)).where(paid)
    if cost != session.scalar(due):
        yield f"{settled} pages cost {cost} micro-dollars"
    if count := session.scalar(select(func.count()).where(Call.state == CallState.OPEN)):
        yield f"{count} calls are open in the ledger"


def _of_objects(session: Session, settings: Settings) -> Iterator[str]:
    store = open_store(settings)
    instance_id = instance.instance_id(session)
    kept = {
        listed.key for folder in folders_of_instance(instance_id) for listed in store.listed(folder)
    }
    wanted = set(session.scalars(select(Document.storage_key).where(Document.storage_key != "")))
    failed = set(
        session.scalars(select(Document.id).where(Document.status == DocumentStatus.FAILED))
    )
    for key in kept - wanted:
        document_id, kind = key.split("/")[2], kind_of(key)
        is_for_a_retry = kind == "parts" and document_id in failed
        if kind != "images" and not is_for_a_retry:
            yield f"object {key} belongs to nobody"
    for key in wanted - kept:
        yield f"object {key} is lost"


def _of_copies(session: Session, settings: Settings) -> Iterator[str]:
    """Name what a node has kept of documents that are deleted."""
    for path in data_folder.spool(settings).iterdir():
        document = session.get(Document, unquote(path.name).split("/")[2])
        if document is not None and document.status is DocumentStatus.DELETED:
            yield f"{path} outlives its document"
    for path in data_folder.page_images(settings).iterdir():
        document = session.get(Document, path.name)
        if document is None or document.status is DocumentStatus.DELETED:
            yield f"{path} outlives its document"


def _of_index(session: Session, *, is_file: bool) -> Iterator[str]:
    """Compare the index of words with the pages: which it has, and every word of them."""
    driver: Any = session.connection().connection.driver_connection
    lacking = driver.execute(
        'SELECT p.document_id, p."index" FROM pages AS p LEFT JOIN search_entries AS e '
        'ON e.document_id = p.document_id AND e."index" = p."index" AND e.piece = 0 '
        "WHERE e.id IS NULL AND p.document_id NOT IN (SELECT document_id FROM search_pending) "
        "AND NOT EXISTS (SELECT 1 FROM search_backfill "
        "WHERE what = 'documents' AND behind < p.document_id)"
    ).fetchall()
    yield from (f"page {index} of {document_id} is not indexed" for document_id, index in lacking)
    beyond = driver.execute(
        'SELECT e.document_id, e."index" FROM search_entries AS e LEFT JOIN pages AS p '
        'ON e.document_id = p.document_id AND e."index" = p."index" WHERE p."index" IS NULL'
    ).fetchall()
    yield from (f"page {index} of {document_id} is only indexed" for document_id, index in beyond)
    if not is_file:
        return  # what PostgreSQL keeps for an index fits by itself
    try:
        driver.execute(
            "INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)"
        )
    except sqlite.DatabaseError as error:
        yield f"the search index does not fit the pages: {error}"


def _left_behind(place: Place) -> Iterator[str]:
    folders = (data_folder.uploads, data_folder.workspaces, data_folder.answers)
    for settings in place.nodes:
        for folder in folders:
            yield from (f"{path} was left behind" for path in folder(settings).iterdir())
    if place.database.is_remote:
        with place.database.reading() as session:
            answers = session.scalar(select(func.count()).select_from(PaidAnswer))
        if answers:
            yield f"{answers} paid answers were left in the database"
    if left := place.provider.stats().files:
        yield f"{left} files were left at the provider"


def _of_the_file(path: Path) -> Iterator[str]:
    with closing(sqlite.connect(str(path))) as connection:
        if (verdict := connection.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            yield f"the database is damaged: {verdict}"
        for row in connection.execute("PRAGMA foreign_key_check").fetchall():
            yield f"a row refers to nothing: {row}"
