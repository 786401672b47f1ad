"""The index of words, under workers that are killed and with damage of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial

from ilios.core.settings import Settings
from ilios.db import search_index
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.documents.listing import Filter, Listing
from tests.support import documents, structured
from tests.support.search_indexes import pending, progress, require_sound
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]

OLD_RESULTS = 40
TEXT = "heron " + " ".join(f"word{number}" for number in range(6_000))


def has_fallen(database: Database, before: int) -> bool:
    return pending(database) < before


def is_made_anew(database: Database) -> bool:
    with database.watching() as watch:
        return bool(watch.query("SELECT 1 FROM search_state WHERE name = ?", search_index.REMADE))


def test_old_results_are_indexed_although_workers_are_killed(
    start_supervisor: Start, database: Database, leniency: float
) -> None:
    for _ in range(OLD_RESULTS):
        structured.add_result(database, [structured.plain_page(0, TEXT)])
    with database.writing() as session:
        session.driver.execute("DELETE FROM job_queue")  # of these, which nobody has claimed
        search_index.make_anew(session.driver)

    supervisor = start_supervisor("echo", worker_count=1)
    wait_until(lambda: not progress(database).is_listing, timeout_s=30 * leniency)
    while (before := pending(database)) > OLD_RESULTS // 2:
        wait_until(partial(has_fallen, database, before), timeout_s=10 * leniency)
        for worker in supervisor.workers:
            os.kill(worker.pid, signal.SIGKILL)

    wait_until(lambda: progress(database).is_done, timeout_s=30 * leniency)
    require_sound(database)
    assert len(Listing(database).documents(Filter("anonymous", q="heron"), None, 99).documents) == (
        OLD_RESULTS
    )


def test_documents_are_converted_soon_after_the_index_was_damaged(
    start_supervisor: Start, settings: Settings, database: Database, leniency: float
) -> None:
    structured.add_result(database, [structured.plain_page(0, "heron")])
    with database.writing() as session:
        session.driver.execute("DELETE FROM job_queue")
        session.driver.execute("DELETE FROM search_index_data")

    start_supervisor("echo", worker_count=1)
    document_id, _ = documents.add_document(database, settings=settings, content=b"egret")

    wait_until(
        lambda: documents.document(database, document_id).status is DocumentStatus.COMPLETED,
        timeout_s=30 * leniency,
    )
    wait_until(lambda: is_made_anew(database), timeout_s=30 * leniency)
    wait_until(lambda: progress(database).is_done, timeout_s=30 * leniency)
    require_sound(database)
    (found,) = Listing(database).documents(Filter("anonymous", q="egret"), None, 9).documents
    assert found.id == document_id
