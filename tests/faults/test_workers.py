"""Workers that die, hang or are stopped, with their slots full."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

from ilios.core import data_folder, durable_files
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus, JobStatus
from ilios.operations import heartbeat
from ilios.operations.heartbeat import BlockReason
from tests.support import documents, impatience
from tests.support.engines import in_call
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_for_ends, wait_until

Start = Callable[..., SupervisorProcess]


def statuses(database: Database) -> list[DocumentStatus]:
    return [document.status for document in documents.documents(database)]


def job_statuses(database: Database) -> list[JobStatus]:
    return [job.status for job in documents.jobs(database)]


def leases(database: Database) -> set[str | None]:
    return {job.lease_token for job in documents.jobs(database)} - {None}


def release(settings: Settings) -> None:
    (settings.data_folder / "release").touch()


def test_a_document_goes_from_pending_to_completed(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings, content=b"Hello")

    start_supervisor("echo", worker_count=1)

    wait_until(lambda: statuses(database) == [DocumentStatus.COMPLETED], timeout_s=30)
    assert documents.job(database, job_id).status is JobStatus.COMPLETED
    assert documents.document(database, document_id).page_count == 1


def test_a_killed_worker_gives_its_jobs_back_leaves_no_files_and_they_complete(
    start_supervisor: Start, settings: Settings, database: Database, leniency: float
) -> None:
    supervisor = start_supervisor("waiting", worker_count=1, worker_concurrency=16)
    _, *_, (_, job_id) = [documents.add_document(database, settings=settings) for _ in range(16)]
    wait_until(lambda: in_call(settings) == 16, timeout_s=30)
    workspaces = list(data_folder.workspaces(settings).iterdir())
    assert len(workspaces) == 16
    answer = data_folder.answers(settings) / f"{job_id}-call.answer"
    (draft := durable_files.draft_of(answer)).touch()
    left_behind = [*workspaces, draft]

    held = leases(database)
    os.kill(supervisor.workers[0].pid, signal.SIGKILL)

    wait_until(lambda: held.isdisjoint(leases(database)), timeout_s=1 * leniency)
    wait_until(lambda: not any(one.exists() for one in left_behind), timeout_s=20)
    release(settings)
    wait_until(lambda: statuses(database) == [DocumentStatus.COMPLETED] * 16, timeout_s=30)
    assert {job.attempts for job in documents.jobs(database)} == {2}


def test_a_document_that_kills_its_workers_fails_and_takes_no_other_with_it(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor("suicidal", worker_concurrency=1)
    deadly, _ = documents.add_document(database, settings=settings, content=b"die")
    innocent, _ = documents.add_document(database, settings=settings)

    wait_until(lambda: all(one.processed_at for one in documents.documents(database)), 90)

    assert documents.document(database, deadly).error_code == "worker_lost"
    assert documents.document(database, innocent).status is DocumentStatus.COMPLETED
    assert supervisor.process.poll() is None


def test_a_worker_that_dies_in_the_middle_of_a_message_delays_no_other(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor("half-sending", worker_count=1)
    dying = supervisor.workers
    documents.add_document(database, settings=settings, content=b"die")
    wait_until(lambda: statuses(database) == [DocumentStatus.COMPLETED], timeout_s=30)
    wait_for_ends(dying, timeout_s=20)  # else it could be given the next one, and lose it

    documents.add_document(database, settings=settings)

    wait_until(lambda: statuses(database) == [DocumentStatus.COMPLETED] * 2, timeout_s=30)
    assert {job.attempts for job in documents.jobs(database)} == {1}


def test_a_supervisor_that_has_replaced_workers_holds_nothing_of_them(
    start_supervisor: Start, settings: Settings
) -> None:
    supervisor = start_supervisor("echo", worker_count=1)
    watched = psutil.Process(supervisor.process.pid)
    before = _held(watched)

    for _ in range(3):
        (worker,) = supervisor.workers
        worker.kill()
        wait_until(lambda: not worker.is_running(), timeout_s=20)  # noqa: B023
        supervisor.wait_until_ready()

    wait_until(lambda: _held(watched) == before, timeout_s=20)


def _held(process: psutil.Process) -> tuple[int, int]:
    """Count descriptors and threads, without the files: the database's come and go."""
    held = []
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # a file that came and went
            held.append(str(link.readlink()))
    return sum(not target.startswith("/") for target in held), process.num_threads()


def test_no_worker_outlives_its_supervisor_and_the_next_takes_over_what_it_held(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    first = start_supervisor("waiting")
    documents.add_document(database, settings=settings)
    wait_until(lambda: job_statuses(database) == [JobStatus.PROCESSING], timeout_s=30)
    workers = first.workers
    assert len(workers) == 2

    first.kill()

    wait_for_ends(workers, timeout_s=20)
    release(settings)
    start_supervisor("waiting", worker_count=1)
    wait_until(lambda: statuses(database) == [DocumentStatus.COMPLETED], timeout_s=20)


def test_a_worker_that_is_stopped_is_noticed_and_its_job_done_by_another(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor("echo", impatient=True, worker_count=1)
    (stopped,) = supervisor.workers
    stopped.suspend()

    documents.add_document(database, settings=settings)

    wait_until(lambda: statuses(database) == [DocumentStatus.COMPLETED], timeout_s=60)
    assert not stopped.is_running()


def test_a_job_that_never_ends_costs_its_neighbours_nothing(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    deadline_s = 20
    supervisor = start_supervisor(
        "stuck", impatient=True, worker_count=1, job_deadline_seconds=deadline_s
    )
    (first,) = supervisor.workers
    _, stuck = documents.add_document(database, settings=settings, content=b"stuck")
    wait_until(lambda: in_call(settings) == 1, timeout_s=30)
    begun = time.monotonic()
    wait_until(lambda: time.monotonic() - begun > deadline_s / 2, timeout_s=deadline_s)
    neighbour, neighbours_job = documents.add_document(database, settings=settings)
    wait_until(lambda: in_call(settings) == 2, timeout_s=30)

    wait_until(lambda: "worker.retired" in supervisor.log, timeout_s=2 * deadline_s)
    assert first.is_running()
    release(settings)

    wait_until(
        lambda: documents.document(database, neighbour).status is DocumentStatus.COMPLETED,
        timeout_s=deadline_s / 2,
    )
    assert documents.job(database, neighbours_job).attempts == 1
    wait_until(lambda: not first.is_running(), timeout_s=2 * deadline_s)
    wait_until(lambda: documents.job(database, stuck).attempts == 2, timeout_s=20)
    later, _ = documents.add_document(database, settings=settings)
    wait_until(
        lambda: documents.document(database, later).status is DocumentStatus.COMPLETED,
        timeout_s=20,
    )


def test_a_healthy_worker_that_has_nothing_to_do_is_left_alone(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor("waiting", impatient=True, worker_count=1)
    before = [worker.pid for worker in supervisor.workers]
    documents.add_document(database, settings=settings)
    begun = time.monotonic()

    wait_until(lambda: time.monotonic() - begun > impatience.SILENT_SECONDS + 1, timeout_s=30)

    assert [worker.pid for worker in supervisor.workers] == before


def test_a_supervisor_that_breaks_ends_instead_of_hanging(
    start_supervisor: Start, settings: Settings
) -> None:
    supervisor = start_supervisor("echo")

    data_folder.wake_socket(settings).with_name("break").touch()

    assert supervisor.process.wait(timeout=30) == 1
    assert not supervisor.workers


def test_a_heartbeat_that_cannot_be_written_stops_nothing(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    start_supervisor("echo", worker_count=1)
    state = data_folder.supervisor_state(settings)
    draft = durable_files.draft_of(state)
    wait_until(partial(is_in_the_way, draft), timeout_s=20)  # of the next heartbeat

    documents.add_document(database, settings=settings)
    wait_until(lambda: statuses(database) == [DocumentStatus.COMPLETED], timeout_s=30)
    draft.rmdir()

    wait_until(lambda: (beat := heartbeat.read(state)) and beat.is_fresh, timeout_s=20)


def is_in_the_way(folder: Path) -> bool:
    """Make a folder, unless a file has its name at this moment; return whether it is there."""
    with suppress(FileExistsError):
        folder.mkdir()
    return folder.is_dir()


def test_sigterm_lets_running_jobs_finish(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor("waiting", worker_count=1)
    documents.add_document(database, settings=settings)
    wait_until(lambda: in_call(settings), timeout_s=30)

    supervisor.process.send_signal(signal.SIGTERM)
    supervisor.wait_until_blocked(BlockReason.DRAINING)
    documents.add_document(database, settings=settings)
    release(settings)

    assert supervisor.process.wait(timeout=20) == 0
    assert sorted(statuses(database)) == [DocumentStatus.COMPLETED, DocumentStatus.PENDING]


def test_sigterm_gives_back_what_outlasts_the_grace_without_costing_an_attempt(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor("waiting", worker_count=1, shutdown_grace_seconds=1)
    _, job_id = documents.add_document(database, settings=settings)
    wait_until(lambda: job_statuses(database) == [JobStatus.PROCESSING], timeout_s=30)

    assert supervisor.stop() == 0

    job = documents.job(database, job_id)
    assert (job.status, job.attempts) == (JobStatus.PENDING, 0)


def test_a_worker_that_cannot_boot_ends_the_supervisor(settings: Settings) -> None:
    supervisor = SupervisorProcess(settings, "unbootable")

    assert supervisor.process.wait(timeout=90) == 70
    assert "supervisor.workers_cannot_boot" in supervisor.log


def test_a_document_that_always_fails_has_three_attempts(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings)

    start_supervisor("failing", hurried=True, worker_count=1)

    wait_until(
        lambda: documents.document(database, document_id).status is DocumentStatus.FAILED,
        timeout_s=30,
    )
    assert documents.job(database, job_id).attempts == 3
    assert documents.document(database, document_id).error_code == "engine_failed"
