"""What the status page shows across all owners: exact counts, and no content of a document."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from ilios.accounts import ledger
from ilios.accounts.key_admin import KeyAdmin
from ilios.accounts.keys import ANONYMOUS, owner_of
from ilios.accounts.ledger import Intent
from ilios.core import clock, data_folder
from ilios.core.conversion_errors import RefusedByProvider
from ilios.core.disk_space import DiskReserve
from ilios.core.prices import Charge
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, Instance
from ilios.documents import results
from ilios.engines.governor import BreakerState, GovernorState
from ilios.engines.registry import EMBEDDED, MISTRAL
from ilios.operations import beats, heartbeat
from ilios.operations.health import Examiner
from ilios.operations.heartbeat import BlockReason, Heartbeat, WorkerBeat, WorkerState
from ilios.operations.overview import DAYS, Overview, Status
from ilios.operations.usage_by_key import Quota
from ilios.queue import jobs
from ilios.queue.jobs import FETCH_LANE, Lease
from tests.support import documents
from tests.support.issuing import MovableClock, issue

Look = Callable[[], Status]
QUOTE = "The page says: dismissals."


@pytest.fixture(autouse=True)
def moving(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    return MovableClock(monkeypatch)


@pytest.fixture
def look(settings: Settings, database: Database) -> Look:
    read = beats.reader(settings, database)
    configured = settings.model_copy(update={"api_key": SecretStr("first,second")})
    return Overview(
        configured, database, Examiner(database, "local", read, DiskReserve(settings)), read
    ).status


def claim(database: Database) -> Lease:
    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, "node/worker-0", clock.now())
        assert lease is not None
        results.begin(session, lease.job_id, clock.now())
    return lease


def spend(database: Database, owner: str, pages: int, micros: int) -> None:
    """Have a call of this owner's be answered now."""
    document_id, job_id = documents.add_document(database, owner=owner)
    document = documents.document(database, document_id)
    intent = Intent(job_id, MISTRAL, "model", None)
    charge = Charge(micros // pages, 0, micros, micros)
    with database.writing() as session:
        call = ledger.open_call(session, document, intent, clock.now())
        ledger.settle(session, call, ledger.Used(pages, "model", 0, charge), clock.now())


def test_the_queue_is_counted_by_lane_and_status(
    database: Database, look: Look, moving: MovableClock
) -> None:
    for lane in (EMBEDDED, EMBEDDED, EMBEDDED, MISTRAL):
        documents.add_document(database, lane=lane)
        moving.advance(minutes=1)
    lease = claim(database)
    with database.writing() as session:
        jobs.retry(session, lease, QUOTE, clock.now())
        session.execute(update(Instance).values(queue_paused_at=clock.now()))
    running = claim(database)

    status = look()

    embedded, mistral, fetches = status.depths
    assert (embedded.lane, embedded.ready, embedded.delayed) == (EMBEDDED, 1, 1)
    assert (embedded.retries, embedded.running) == (1, 1)
    assert embedded.oldest_at == clock.now() - timedelta(minutes=2)
    assert (mistral.ready, mistral.delayed, mistral.retries, mistral.running) == (1, 0, 0, 0)
    assert (fetches.lane, fetches.ready, fetches.running) == (FETCH_LANE, 0, 0)
    assert status.paused_since == clock.now()
    assert status.health.queue == "paused"
    (task,) = status.running
    assert task.document_id == documents.job(database, running.job_id).document_id
    assert (task.key, task.attempts, task.started_at) == ("no key", 1, clock.now())
    assert (task.worker, task.mime_type, task.file_size) == ("node/worker-0", "text/plain", 5)
    (retry,) = status.retries
    assert (retry.attempts, retry.max_attempts, retry.worker) == (1, 3, None)
    assert retry.scheduled_at is not None
    assert retry.scheduled_at > clock.now()


def test_failures_come_with_what_their_code_means_and_nothing_that_they_quote(
    database: Database, look: Look, moving: MovableClock
) -> None:
    ids = [documents.add_document(database, owner=owner_of("second"))[0] for _ in range(3)]
    for document_id, error_code in zip(ids, (None, "of_the_predecessor", None), strict=True):
        moving.advance(minutes=40)
        with database.writing() as session:
            results.fail(session, document_id, RefusedByProvider(QUOTE), clock.now())
            if error_code:
                session.get_one(Document, document_id).error_code = error_code
    done, _ = documents.add_document(database)
    with database.writing() as session:
        results.complete(session, done, clock.now())

    status = look()

    assert [failure.document_id for failure in status.failures] == ids[::-1]
    last, adopted, _ = status.failures
    assert (last.code, last.key) == ("refused_by_provider", "API_KEY 2")
    assert (
        last.reason == "The provider refuses this document, in its own words. Nothing was billed."
    )
    assert (adopted.code, adopted.reason) == ("of_the_predecessor", "Of the predecessor.")
    assert (last.failed_at, last.engine_fault) == (clock.now(), False)
    assert QUOTE not in repr(status)
    assert (status.ended.failed, status.ended.completed, status.ended.cancelled) == (2, 1, 0)


def test_each_key_has_its_use_by_day_and_what_is_left_of_its_quota(
    database: Database, look: Look, moving: MovableClock
) -> None:
    team = issue(database, "team", budget_micros_month=100_000, pages_per_day=10).key
    gone = issue(database, "gone").key
    issue(database, "idle", expires_at=clock.now() + timedelta(minutes=1))
    for owner, pages in ((team.owner, 3), (gone.owner, 2), (owner_of("first"), 1)):
        spend(database, owner, pages, pages * 1300)
    for owner in ("a key of last year", "another one"):
        spend(database, owner, 1, 1)
    moving.advance(days=1)
    spend(database, team.owner, 4, 5200)
    KeyAdmin(database).revoke("gone")
    reserving, _ = documents.add_document(database, owner=team.owner)
    with database.writing() as session:
        session.execute(
            update(Document)
            .where(Document.id == reserving)
            .values(reserved_pages=2, reserved_micros=2600)
        )

    status = look()

    assert len(status.days) == DAYS
    assert status.days[-1] == clock.now().date()
    found = {one.holder.name: one for one in status.accounts}
    assert list(found) == ["team", "gone", "API_KEY 1", "former keys", "API_KEY 2", "idle"]
    assert found["team"].pages_by_day[-2:] == (3, 4)
    assert found["team"].micros_by_day[-2:] == (3900, 5200)
    assert found["team"].budget == Quota(100_000, used=9100, reserved=2600)
    assert found["team"].budget.left == 88_300
    assert found["team"].daily_pages == Quota(10, used=4, reserved=2)
    assert (found["former keys"].pages, found["former keys"].cost_micros) == (2, 2)
    states = {name: one.holder.key_state for name, one in found.items()}
    assert [states[name] for name in ("team", "gone", "idle", "API_KEY 1", "former keys")] == [
        "live",
        "revoked",
        "expired",
        "configured",
        "former",
    ]
    assert (found["gone"].budget, found["API_KEY 2"].pages) == (None, 0)
    assert (found["team"].stored_bytes, found["team"].waiting_documents) == (3 * 8197, 3)
    assert (found["idle"].stored_bytes, found["idle"].waiting_documents) == (0, 0)


def test_a_key_that_only_stores_has_an_account(database: Database, look: Look) -> None:
    gone = issue(database, "gone").key
    documents.add_document(database, owner=gone.owner)
    documents.add_document(database, owner="a key of last year")
    KeyAdmin(database).revoke("gone")

    found = {one.holder.name: one.waiting_documents for one in look().accounts}

    assert (found["gone"], found["former keys"]) == (1, 1)


def test_what_was_used_without_a_key_has_an_account_once_it_is_some(
    database: Database, look: Look
) -> None:
    assert "no key" not in [one.holder.name for one in look().accounts]

    spend(database, ANONYMOUS, 1, 1300)

    assert look().accounts[0].holder.name == "no key"


def test_workers_and_the_governor_come_from_the_supervisors_heartbeat(
    settings: Settings, look: Look
) -> None:
    assert look().beat is None
    said = Heartbeat(
        pid=7,
        beat_seconds=time.monotonic(),
        workers_configured=2,
        workers_ready=1,
        jobs_running=3,
        claims_blocked=BlockReason.PROVIDER_UNAVAILABLE,
        provider="paused: 429",
        governor=GovernorState(BreakerState.OPEN, 0, 48, 12.5),
        workers=(
            WorkerBeat("worker-0", WorkerState.READY, 0, pid=8, jobs=3, slots=24, up_seconds=1.0),
            WorkerBeat("worker-1", WorkerState.DOWN, 2),
        ),
    )
    heartbeat.write(data_folder.supervisor_state(settings), said)

    assert look().beat == said
    assert look().health.workers == "1 of 2 ready"
    assert look().health.claims_blocked is BlockReason.PROVIDER_UNAVAILABLE
