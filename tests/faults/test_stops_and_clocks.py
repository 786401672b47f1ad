"""Processes that are stopped and go on, signals that come twice, clocks that jump, lost bells."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psutil
import pytest

from ilios.core import data_folder, failpoints
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.queue.notify import Notifier
from tests.support import documents, impatience
from tests.support.engines import in_call
from tests.support.issuing import ShiftedClock
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]
PICKUP_S = 1.5  #: after a lost wake-up
LONGER_THAN_LEASE_AND_SILENCE_S = impatience.SILENT_SECONDS + 1  #: of an impatient supervisor
ONE_LOOK_S = 0.5  #: of a supervisor at those who say nothing


def is_completed(database: Database, document_id: str) -> bool:
    return documents.document(database, document_id).status is DocumentStatus.COMPLETED


def is_stopped(process: psutil.Process) -> bool:
    """Return whether each thread is stopped: a signal takes effect a moment after it was sent."""
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    return all(") T " in (thread / "stat").read_text() for thread in threads)


def let_time_pass(seconds: float) -> None:
    begun = time.monotonic()
    wait_until(lambda: time.monotonic() - begun > seconds, seconds + 5)


def test_a_lost_wake_up_costs_a_second_at_most(
    start_supervisor: Start, settings: Settings, database: Database, leniency: float
) -> None:
    start_supervisor("echo", worker_count=1)

    unheard, _ = documents.add_document(database, settings=settings)  # without a notification
    wait_until(lambda: is_completed(database, unheard), PICKUP_S * leniency)

    data_folder.wake_socket(settings).unlink()
    unannounced, _ = documents.add_document(database, settings=settings)
    wait_until(lambda: is_completed(database, unannounced), PICKUP_S * leniency)


def test_everything_that_was_paused_longer_than_a_lease_goes_on_where_it_was(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor("waiting", impatient=True, worker_count=2)
    document_id, job_id = documents.add_document(database, settings=settings)
    wait_until(lambda: in_call(settings), 30)
    before = [worker.pid for worker in supervisor.workers]

    supervisor.pause()
    let_time_pass(LONGER_THAN_LEASE_AND_SILENCE_S)
    supervisor.resume()
    (settings.data_folder / "release").touch()

    wait_until(lambda: is_completed(database, document_id), 30)
    assert documents.job(database, job_id).attempts == 1
    assert len(documents.calls(database)) == 1
    assert [worker.pid for worker in supervisor.workers] == before


def test_a_supervisor_that_was_paused_alone_does_not_take_its_workers_for_dead(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor("waiting", impatient=True, worker_count=1)
    document_id, job_id = documents.add_document(database, settings=settings)
    wait_until(lambda: in_call(settings), 30)

    psutil.Process(supervisor.process.pid).suspend()
    let_time_pass(LONGER_THAN_LEASE_AND_SILENCE_S)
    (settings.data_folder / "release").touch()
    psutil.Process(supervisor.process.pid).resume()

    wait_until(lambda: is_completed(database, document_id), 30)
    assert documents.job(database, job_id).attempts == 1


def test_a_worker_is_not_taken_for_dead_for_what_it_said_to_nobody(
    start_supervisor: Start,
    settings: Settings,
    database: Database,
    notifier: Notifier,
    tmp_path: Path,
) -> None:
    points = tmp_path / "points"
    points.mkdir()
    supervisor = start_supervisor(
        "echo", impatient=True, worker_count=1, variables={"ILIOS_SYNC_POINTS": str(points)}
    )
    before = [worker.pid for worker in supervisor.workers]
    (points / failpoints.JOB_CLAIMED).touch()
    with database.writing():  # so it is not stopped in its tidying with the lock in its hands
        for worker in supervisor.workers:
            worker.suspend()
            wait_until(partial(is_stopped, worker), 20)
    document_id, job_id = documents.add_document(database, settings=settings)
    notifier.notify()  # at once: until then the supervisor listens, and hears nothing
    wait_until(lambda: list(points.glob(f"{failpoints.JOB_CLAIMED}@*")), 30)

    let_time_pass(LONGER_THAN_LEASE_AND_SILENCE_S)  # and the supervisor is at something else
    for held in points.iterdir():
        held.unlink()
    let_time_pass(ONE_LOOK_S)
    for worker in supervisor.workers:
        worker.resume()

    wait_until(lambda: is_completed(database, document_id), 30)
    assert documents.job(database, job_id).attempts == 1
    assert [worker.pid for worker in supervisor.workers] == before


def test_a_second_sigterm_in_mid_call_does_not_cut_it_short(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor("waiting", worker_count=1)
    document_id, job_id = documents.add_document(database, settings=settings)
    wait_until(lambda: in_call(settings), 30)

    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        supervisor.process.send_signal(number)
    (settings.data_folder / "release").touch()

    assert supervisor.process.wait(timeout=20) == 0
    assert is_completed(database, document_id)
    assert documents.job(database, job_id).attempts == 1


def test_a_clock_that_jumps_an_hour_delays_nothing_and_repeats_nothing(
    start_supervisor: Start,
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    clock = ShiftedClock(monkeypatch, tmp_path / "clock", datetime.now(UTC))
    start_supervisor("waiting", impatient=True, worker_count=1, clock=clock.path)
    sent = [documents.add_document(database, settings=settings)]
    wait_until(lambda: in_call(settings), 30)

    for hours in (1, -1):
        clock.set(datetime.now(UTC) + timedelta(hours=hours))
        sent.append(documents.add_document(database, settings=settings))
        let_time_pass(1)  # leases are looked at meanwhile
    (settings.data_folder / "release").touch()

    wait_until(lambda: all(is_completed(database, one) for one, _ in sent), 30)
    assert {documents.job(database, job_id).attempts for _, job_id in sent} == {1}


def test_a_clock_that_is_set_back_does_not_keep_a_retry_waiting(
    start_supervisor: Start,
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    clock = ShiftedClock(monkeypatch, tmp_path / "clock", datetime.now(UTC))
    start_supervisor("flaky", worker_count=1, clock=clock.path)
    document_id, job_id = documents.add_document(database, settings=settings)
    wait_until(lambda: documents.job(database, job_id).scheduled_at, 30)

    clock.set(datetime.now(UTC) - timedelta(hours=1))

    wait_until(lambda: is_completed(database, document_id), 30)
