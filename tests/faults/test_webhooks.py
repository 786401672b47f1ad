"""Events over kill -9 at any point, and a receiver that is down for an hour: none is missing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from ilios.core import failpoints
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DeliveryStatus, WebhookDelivery
from tests.support import documents
from tests.support.issuing import ShiftedClock
from tests.support.receivers import SECRET, Receiver, receiving
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]
TIMEOUT_S = 60
POINTS = (failpoints.WEBHOOK_CLAIMED, failpoints.WEBHOOK_SENT)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def sending(start: Start, receiver: Receiver, **options: object) -> SupervisorProcess:
    allowed = {"webhook_secret": SecretStr(SECRET), "url_allow": receiver.authority}
    return start("echo", **allowed, **options)


def deliveries(database: Database) -> list[WebhookDelivery]:
    with database.reading() as session:
        return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.number)))


def all_delivered(database: Database, count: int) -> bool:
    found = deliveries(database)
    return len(found) == count and all(one.status is DeliveryStatus.DELIVERED for one in found)


def has_refused(receiver: Receiver, count: int) -> bool:
    return len(receiver.refused) >= count


def all_wait(database: Database) -> bool:
    return all(one.status is DeliveryStatus.PENDING for one in deliveries(database))


def assert_each_came(receiver: Receiver, database: Database) -> None:
    """Check that each event came at least once, under its id, signed."""
    came = {one.event_id: one.verified() for one in receiver.received}
    told = {one.event_id: one.document_id for one in deliveries(database)}
    assert {event_id: event["data"]["id"] for event_id, event in came.items()} == told


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("victim", ["the worker", "everything"])
def test_an_event_outlives_whoever_sends_it(
    start_supervisor: Start,
    settings: Settings,
    database: Database,
    receiver: Receiver,
    tmp_path: Path,
    point: str,
    victim: str,
) -> None:
    points = tmp_path / "points"
    points.mkdir()
    (points / point).touch()
    variables = {"ILIOS_SYNC_POINTS": str(points)}
    supervisor = sending(start_supervisor, receiver, worker_count=2, variables=variables)
    document_id, _ = documents.add_document(database, settings=settings, webhook_url=receiver.url)
    wait_until(lambda: list(points.glob(f"{point}@*")), TIMEOUT_S)
    (held,) = points.glob(f"{point}@*")

    if victim == "everything":
        supervisor.kill_tree()
        held.unlink()
        sending(start_supervisor, receiver, worker_count=1)
    else:
        (worker,) = [one for one in supervisor.workers if one.pid == int(held.name.split("@")[1])]
        worker.kill()
        held.unlink()

    wait_until(lambda: all_delivered(database, 1), TIMEOUT_S)
    assert_each_came(receiver, database)
    assert [one.document_id for one in deliveries(database)] == [document_id]
    assert len(receiver.received) == (2 if point == failpoints.WEBHOOK_SENT else 1)


def test_a_receiver_that_is_down_for_an_hour_misses_nothing_over_kills(
    start_supervisor: Start,
    settings: Settings,
    database: Database,
    receiver: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ShiftedClock(monkeypatch, tmp_path / "clock", datetime.now(UTC))
    begun = datetime.now(UTC)
    receiver.is_down = True
    supervisor = sending(start_supervisor, receiver, worker_count=1, clock=clock.path)
    for _ in range(3):
        documents.add_document(database, settings=settings, webhook_url=receiver.url)
    wait_until(lambda: len({one.event_id for one in receiver.refused}) == 3, TIMEOUT_S)

    for minutes in (2, 20, 60, 60):  # at the last only a start makes them due
        supervisor.kill_tree()
        before = len(receiver.refused)
        clock.set(begun + timedelta(minutes=minutes))
        supervisor = sending(start_supervisor, receiver, worker_count=1, clock=clock.path)
        wait_until(partial(has_refused, receiver, before + 3), TIMEOUT_S)
    wait_until(lambda: all_wait(database), TIMEOUT_S)  # else they were refused hours later
    receiver.is_down = False
    clock.set(begun + timedelta(hours=4))

    wait_until(lambda: all_delivered(database, 3), TIMEOUT_S)
    assert_each_came(receiver, database)
    assert {one.event_id for one in receiver.refused} == {one.event_id for one in receiver.received}


def test_a_receiver_that_never_answers_delays_no_conversion(
    start_supervisor: Start, settings: Settings, database: Database, receiver: Receiver
) -> None:
    receiver.held = threading.Event()
    sending(start_supervisor, receiver, worker_count=1)
    ids = [
        documents.add_document(database, settings=settings, webhook_url=receiver.url)[0]
        for _ in range(20)
    ]

    wait_until(lambda: len(deliveries(database)) == 20, TIMEOUT_S)

    assert {one.document_id for one in deliveries(database)} == set(ids)
    assert not any(one.ended_at for one in deliveries(database))
    receiver.held.set()
