"""Waiting for documents to end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from ilios.core import clock
from ilios.core.conversion_errors import CorruptDocument
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.documents import results
from ilios.documents.waiting import Waiter
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs
from tests.support import documents
from tests.support.waiting import wait_until

pytestmark = pytest.mark.both_databases


def end(database: Database, document_id: str) -> None:
    with database.writing() as session:
        results.fail(session, document_id, CorruptDocument("no"), clock.now())


def test_a_thread_wakes_when_its_document_ends(database: Database) -> None:
    waiter = Waiter(database)
    document_id, _ = documents.add_document(database)
    other, _ = documents.add_document(database)
    with ThreadPoolExecutor(2) as threads:
        mine = threads.submit(waiter.until_ended, document_id, 60)
        theirs = threads.submit(waiter.until_ended, other, 60)
        end(database, document_id)
        mine.result(timeout=30)
        assert not theirs.done()
        end(database, other)
        theirs.result(timeout=30)


def test_a_document_that_has_ended_already_needs_no_wait(database: Database) -> None:
    document_id, _ = documents.add_document(database)
    end(database, document_id)
    started = time.monotonic()

    Waiter(database).until_ended(document_id, 20)

    assert time.monotonic() - started < 15


def test_a_wait_ends_with_its_timeout(database: Database) -> None:
    document_id, _ = documents.add_document(database)

    Waiter(database).until_ended(document_id, 0.05)

    assert documents.document(database, document_id).status is DocumentStatus.PENDING


def test_the_watcher_survives_a_failing_database(database: Database) -> None:
    waiter = Waiter(database)
    document_id, _ = documents.add_document(database)
    with database.writing() as session:
        session.execute(text("ALTER TABLE documents RENAME TO hidden"))
    waiting = threading.Thread(target=waiter.until_ended, args=(document_id, 60))
    waiting.start()
    wait_until(lambda: waiter.failures > 0, timeout_s=30)
    with database.writing() as session:
        session.execute(text("ALTER TABLE hidden RENAME TO documents"))

    end(database, document_id)

    waiting.join(timeout=30)
    assert not waiting.is_alive()


def test_a_predicate_is_asked_until_it_holds(database: Database) -> None:
    asked: list[int] = []

    def third_time(_session: object) -> bool:
        asked.append(1)
        return len(asked) == 3

    Waiter(database).until(third_time, timeout_seconds=20)

    assert len(asked) == 3


def test_a_server_that_drains_lets_everybody_go(database: Database) -> None:
    waiter = Waiter(database)
    document_id, _ = documents.add_document(database)
    with ThreadPoolExecutor(2) as threads:
        for_document = threads.submit(waiter.until_ended, document_id, 60)
        for_predicate = threads.submit(waiter.until, lambda _: False, 60)
        waiter.drain()
        for_document.result(timeout=30)
        for_predicate.result(timeout=30)

    waiter.until_ended(document_id, 60)


def test_many_threads_may_wait_for_one_document(database: Database) -> None:
    waiter = Waiter(database)
    document_id, job_id = documents.add_document(database)
    with ThreadPoolExecutor(32) as threads:
        waits = [threads.submit(waiter.until_ended, document_id, 60) for _ in range(32)]
        with database.writing() as session:
            lease = jobs.claim(session, EMBEDDED, "node/worker-0", clock.now())
            assert lease is not None
            assert lease.job_id == job_id
        end(database, document_id)
        for wait in waits:
            wait.result(timeout=30)
