"""kill -9 exactly at each arrow of a document's way, with a paid document on it.

upload streamed → object stored → row committed → claimed → id sent → accepted → call opened → call
sent → answer received → answer saved → reading it → images stored → result committed → finished. In
the short form documents wait at all arrows together, and one blow falls; `--repeat-faults` kills at
each arrow alone, first the process that is there, then the others.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from ilios.core import failpoints
from ilios.db.models import Document, DocumentStatus
from tests.support.breaking import START_TIMEOUT_S, Subject, broken
from tests.support.deployment import kill
from tests.support.waiting import wait_until

REPEAT_FACTOR = 4  #: kill points are passed this many times as often as other faults

WEB = (failpoints.UPLOAD_STREAMED, failpoints.OBJECT_STORED, failpoints.ROW_COMMITTED)
SUPERVISOR = (failpoints.JOB_CLAIMED, failpoints.ID_SENT)
WORKER = (
    failpoints.JOB_ACCEPTED,
    failpoints.CALL_OPENED,
    failpoints.CALL_SENT,
    failpoints.ANSWER_RECEIVED,
    failpoints.ANSWER_SAVED,
    failpoints.IMAGES_STORED,
    failpoints.RESULT_COMMITTED,
    failpoints.JOB_ENDED,
    failpoints.ANSWER_READING,  # the last: a worker reads one answer at a time
)
PAID = (
    failpoints.ANSWER_RECEIVED,
    failpoints.ANSWER_SAVED,
    failpoints.ANSWER_READING,
    failpoints.IMAGES_STORED,
)
CANCELLABLE = (failpoints.JOB_ACCEPTED, failpoints.CALL_OPENED, failpoints.CALL_SENT, *PAID)
BLOWS = {
    "the workers": (*WORKER, *WEB),
    # The supervisor has one thread: once that is held, nobody else gets anywhere.
    "the supervisor": (*WORKER, *WEB, failpoints.JOB_CLAIMED),
    "everything": (*WORKER, *WEB, failpoints.ID_SENT),
}

ITSELF = "the process that is there"
OTHERS = {
    WEB: ("gunicorn", "the supervisor", "everything"),
    SUPERVISOR: ("gunicorn", "the workers", "everything"),
    WORKER: ("the workers", "the supervisor", "everything"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "point" not in metafunc.fixturenames:
        return
    kills = [(point, ITSELF) for point in WEB]
    if metafunc.config.getoption("repeat_faults", 0):
        kills = [
            (point, victim)
            for points, others in OTHERS.items()
            for point in points
            for victim in (ITSELF, *others)
        ]
    metafunc.parametrize(("point", "victim"), kills)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Subject]:
    with broken(tmp_path_factory.mktemp("kill"), migrated_file, worker_count=1) as subject:
        yield subject


@pytest.fixture
def subject(shared: Subject) -> Subject:
    """Provide the service, well again after what the test before did to it."""
    shared.deployment.wait_until_ready(START_TIMEOUT_S)
    return shared


def victims(subject: Subject, name: str, held: psutil.Process) -> list[psutil.Process]:
    deployment = subject.deployment
    match name:
        case "gunicorn":
            return deployment.web_master
        case "the workers":
            return deployment.workers
        case "the supervisor":
            return deployment.supervisor
        case "everything":
            return deployment.everything
        case _:
            return [held]


def test_killed_at_an_arrow_a_document_is_converted_and_paid_for_all_the_same(
    subject: Subject, recovery_s: float, point: str, victim: str
) -> None:
    parcel = subject.parcel()
    subject.deployment.arm(point)
    with ThreadPoolExecutor(1) as client:
        sending = client.submit(subject.try_to_send, parcel)
        held = subject.deployment.held_at(point)

        killed_at = time.monotonic()
        kill(*victims(subject, victim, held))
        subject.deployment.disarm()

        acknowledged = sending.result()
    document_id = acknowledged or subject.send(parcel)
    left_s = killed_at + recovery_s - time.monotonic()
    wait_until(lambda: subject.deployment.is_completed(document_id), left_s)
    assert subject.violations() == []


@pytest.mark.parametrize("victim", BLOWS)
def test_one_blow_with_a_document_at_every_arrow_loses_and_overpays_none(
    subject: Subject, recovery_s: float, victim: str
) -> None:
    arrows = BLOWS[victim]
    parcels = [subject.parcel(pages=2) for _ in arrows]
    with ThreadPoolExecutor(len(arrows)) as clients:
        sending = []
        for point, parcel in zip(arrows, parcels, strict=True):
            subject.deployment.arm(point)
            sending.append(clients.submit(subject.try_to_send, parcel))
            held = subject.deployment.held_at(point)

        kill(*victims(subject, victim, held))
        subject.deployment.disarm()

        acknowledged = [one.result() for one in sending]
    ids = [
        acknowledgement or subject.send(parcel)
        for acknowledgement, parcel in zip(acknowledged, parcels, strict=True)
    ]
    wait_until(lambda: all(map(subject.deployment.is_completed, ids)), recovery_s)
    assert subject.violations() == []


def test_a_cancellation_at_any_arrow_of_a_worker_is_final_and_what_was_answered_is_paid(
    subject: Subject,
) -> None:
    before = subject.place.provider.stats().billed_pages
    ids = []
    for point in CANCELLABLE:
        subject.deployment.arm(point)
        ids.append(subject.send(subject.parcel()))
        subject.deployment.held_at(point)

        subject.deployment.cancel(ids[-1])
        subject.deployment.disarm()
        assert subject.violations() == []  # and nothing runs that the next point would hold

    with subject.place.database.reading() as session:
        statuses = session.scalars(select(Document.status).where(Document.id.in_(ids)))
        assert set(statuses) == {DocumentStatus.CANCELLED}
    assert subject.place.provider.stats().billed_pages - before >= len(PAID)


def test_fifty_identical_submissions_at_once_are_one_call(subject: Subject) -> None:
    parcel = subject.parcel()
    before = subject.place.provider.stats().billed_pages

    with ThreadPoolExecutor(50) as clients:
        ids = list(clients.map(subject.send, [parcel] * 50))

    wait_until(lambda: all(map(subject.deployment.is_completed, ids)), START_TIMEOUT_S)
    assert len(set(ids)) == 50
    assert subject.place.provider.stats().billed_pages == before + 1
    assert subject.violations() == []
