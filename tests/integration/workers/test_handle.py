"""A worker process as its supervisor sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ilios.core import data_folder
from ilios.core.processes import InheritedDescriptor, lock_file
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import JobType
from ilios.queue.jobs import Lease
from ilios.storage.health import StoreReport
from ilios.workers.handle import WorkerHandle, WorkerReport
from tests.support.engines import ENGINES
from tests.support.waiting import wait_until

BOOT_TIMEOUT_S = 30.0
NOTHING = WorkerReport(found=(), interrupted=())


@pytest.fixture
def handle(settings: Settings, database: Database) -> Iterator[WorkerHandle]:
    lock = lock_file(data_folder.supervisor_lock(settings), 0)
    handle = WorkerHandle("worker-0", settings, ENGINES["echo"], InheritedDescriptor(lock))
    wait_until(lambda: handle.read() and handle.is_ready, BOOT_TIMEOUT_S)
    yield handle
    handle.reap()
    os.close(lock)


def test_what_a_worker_said_is_drained_once(handle: WorkerHandle) -> None:
    assert handle.drain() == NOTHING  # that it is ready concerns its handle alone

    handle.look_at_store()
    lease = Lease("a" * 24, "token", JobType.CONVERT)  # of a job that is gone: nothing comes of it
    handle.give(lease, "embedded")
    wait_until(lambda: handle.read() and not handle.leases, BOOT_TIMEOUT_S)
    wait_until(lambda: handle.read() and handle.asked_of_store_at < 0, BOOT_TIMEOUT_S)

    assert handle.drain() == WorkerReport(found=(StoreReport(None),), interrupted=())
    assert handle.drain() == NOTHING


def test_a_worker_takes_fewer_jobs_once_its_calls_are_limited_and_says_when_it_keeps_to_that(
    handle: WorkerHandle,
) -> None:
    all_places = handle.places["embedded"]
    assert handle.calls_held("embedded", 18) == 18
    handle.limit_calls("embedded", 5, all_places.total)
    handle.limit_calls("embedded", 2, 3)

    assert handle.places["embedded"].total == 3
    assert handle.calls_held("embedded", 18) == 5  # as long as it may not have heard of the second
    wait_until(lambda: handle.read() and handle.calls_held("embedded", 18) == 2, BOOT_TIMEOUT_S)

    handle.limit_calls("embedded", all_places.total, None)
    assert handle.places["embedded"] == all_places
