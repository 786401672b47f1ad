"""Cancelling what runs, and deleting while processes are killed: with real workers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import CallState, DocumentStatus
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.retention.service import Retention
from ilios.engines.registry import MISTRAL
from ilios.operations.job_admin import JobAdmin
from ilios.queue.notify import Notifier
from ilios.storage.opening import open_store
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support import documents
from tests.support.engines import in_call
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]
OWNER = "anonymous"


@pytest.fixture
def actions(settings: Settings, database: Database, notifier: Notifier) -> DocumentActions:
    return DocumentActions(settings, database, open_store(settings), notifier)


def status_of(database: Database, document_id: str) -> DocumentStatus:
    return documents.document(database, document_id).status


def jobs_let_go(database: Database) -> bool:
    return all(job.worker is None for job in documents.jobs(database))


def objects(settings: Settings) -> list[object]:
    return [path for path in data_folder.objects(settings).rglob("*") if path.is_file()]


@pytest.mark.parametrize("action", ["cancel", "delete"])
def test_a_parser_that_never_ends_is_stopped_within_seconds(
    start_supervisor: Start,
    settings: Settings,
    database: Database,
    actions: DocumentActions,
    action: str,
) -> None:
    document_id, _ = documents.add_document(database, settings=settings)
    supervisor = start_supervisor("dawdling", worker_count=1)
    wait_until((settings.data_folder / "begun").exists, timeout_s=20)

    getattr(actions, action)(document_id, owner=OWNER)

    wait_until(lambda: jobs_let_go(database), timeout_s=20)
    quick, _ = documents.add_document(database, settings=settings, content=b"quick")
    wait_until(lambda: status_of(database, quick) is DocumentStatus.COMPLETED, timeout_s=20)
    assert len(supervisor.workers) == 1
    assert "worker.died" not in supervisor.log
    expected = DocumentStatus.DELETED if action == "delete" else DocumentStatus.CANCELLED
    assert status_of(database, document_id) is expected
    (call,) = documents.calls(database)
    assert call.document_id == quick


def test_a_paid_call_that_is_in_flight_is_booked_although_its_document_is_gone(
    start_supervisor: Start,
    settings: Settings,
    database: Database,
    actions: DocumentActions,
    mistral_server: MistralServer,
) -> None:
    mistral_server.control(latency_ms=60_000)
    start_supervisor(
        "real",
        tidy=True,
        ocr_engine=MISTRAL,
        mistral_api_key=SecretStr(API_KEY),
        mistral_server_url=mistral_server.url,
        worker_count=1,
        margin_rate=0,
    )
    document_id, _ = documents.add_document(
        database,
        settings=settings,
        content=pdf("Nobody wants this any more."),
        mime_type="application/pdf",
        lane=MISTRAL,
    )
    wait_until(lambda: mistral_server.stats().in_flight == 1, timeout_s=30)

    actions.delete(document_id, owner=OWNER)
    mistral_server.control(latency_ms=0)

    wait_until(
        lambda: [c.state for c in documents.calls(database)] == [CallState.SETTLED],
        timeout_s=30,
    )
    wait_until(lambda: jobs_let_go(database), timeout_s=20)
    assert [call.pages for call in documents.calls(database)] == [1]
    wait_until(lambda: not documents.document(database, document_id).to_erase, timeout_s=30)
    assert objects(settings) == []
    assert list(data_folder.answers(settings).iterdir()) == []


def test_a_cancelled_job_whose_worker_is_killed_is_closed_by_the_next_supervisor(
    start_supervisor: Start, settings: Settings, database: Database, actions: DocumentActions
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings)
    supervisor = start_supervisor("waiting", worker_count=1)
    wait_until(lambda: in_call(settings), timeout_s=20)
    supervisor.kill_tree()
    actions.delete(document_id, owner=OWNER)
    assert documents.job(database, job_id).worker is not None
    Retention(settings, database, open_store(settings)).run()
    assert documents.document(database, document_id).to_erase

    start_supervisor("echo", worker_count=1)

    wait_until(lambda: jobs_let_go(database), timeout_s=20)
    Retention(settings, database, open_store(settings)).run()
    assert not documents.document(database, document_id).to_erase
    assert documents.calls(database) == []


def test_a_paused_queue_stays_paused_over_a_restart_and_then_goes_on(
    start_supervisor: Start,
    settings: Settings,
    database: Database,
    actions: DocumentActions,
    notifier: Notifier,
) -> None:
    operating = JobAdmin(database, actions, notifier)
    operating.pause()
    supervisor = start_supervisor("echo", worker_count=1)
    document_id, _ = documents.add_document(database, settings=settings)
    notifier.notify()
    supervisor.stop()
    start_supervisor("echo", worker_count=1)
    assert status_of(database, document_id) is DocumentStatus.PENDING

    operating.resume()

    wait_until(lambda: status_of(database, document_id) is DocumentStatus.COMPLETED, timeout_s=20)


def test_the_supervisor_has_retention_seen_to(
    start_supervisor: Start, settings: Settings, database: Database, actions: DocumentActions
) -> None:
    document_id, _ = documents.add_document(database, settings=settings)
    start_supervisor("echo", tidy=True, worker_count=1)
    wait_until(lambda: status_of(database, document_id) is DocumentStatus.COMPLETED, timeout_s=30)
    documents.age(database, days=400)

    wait_until(lambda: status_of(database, document_id) is DocumentStatus.ARCHIVED, timeout_s=30)
