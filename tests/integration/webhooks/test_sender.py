"""Events are sent until they are delivered: signed, in order of their document, under one id."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest
from pydantic import SecretStr

from ilios.accounts import webhook_secrets
from ilios.accounts.key_admin import KeyAdmin
from ilios.accounts.key_webhooks import Change
from ilios.accounts.keys import Terms
from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DeliveryStatus, DocumentStatus, WebhookDelivery
from ilios.db.postgres.database import PostgresDatabase
from ilios.webhooks import outbox, schedule, sender
from ilios.webhooks.sender import RECEIVER_PLACES_MAX, Sender
from tests.integration.webhooks.conftest import Ending
from tests.support.issuing import MovableClock, issue
from tests.support.receivers import SECRET, Receiver, receiving
from tests.support.waiting import wait_until

pytestmark = pytest.mark.both_databases

Send = Callable[[], None]
Deliveries = Callable[[], list[WebhookDelivery]]


def next_moment(database: Database) -> timedelta:
    with database.watching() as watch:
        moment = outbox.next_moment(watch)
    assert moment is not None
    return moment - clock.now()


def test_an_event_is_signed_for_the_reference_library(
    ending: Ending, receiver: Receiver, send: Send, deliveries: Deliveries
) -> None:
    document_id = ending.add(receiver.url)
    ending.end(document_id)

    send()

    (came,) = receiver.received
    event = came.verified()
    assert (event["type"], event["data"]["id"]) == ("document.completed", document_id)
    assert event["data"]["status"] == "completed"
    assert came.path == "/hooks?token=hidden"
    (delivery,) = deliveries()
    assert (delivery.status, delivery.attempts, delivery.last_status) == (
        DeliveryStatus.DELIVERED,
        1,
        204,
    )
    assert came.event_id == delivery.event_id


def test_a_receiver_that_is_down_for_an_hour_gets_every_event_in_order(
    ending: Ending,
    receiver: Receiver,
    database: Database,
    send: Send,
    deliveries: Deliveries,
    moved: MovableClock,
) -> None:
    begun = clock.now()
    receiver.is_down = True
    first, second = ending.add(receiver.url), ending.add(receiver.url)
    ending.end(first, DocumentStatus.FAILED)
    ending.end(second)
    send()
    ending.reopen(first)
    ending.end(first)

    while clock.now() - begun < timedelta(hours=1):
        moved.set(clock.now() + max(next_moment(database), timedelta(0)))
        send()
    receiver.is_down = False
    while not all(one.ended_at for one in deliveries()):
        moved.set(clock.now() + max(next_moment(database), timedelta(0)))
        send()

    events = [came.verified() for came in receiver.received]
    of_first = [event["type"] for event in events if event["data"]["id"] == first]
    assert of_first == ["document.failed", "document.completed"]
    assert [event["type"] for event in events if event["data"]["id"] == second] == [
        "document.completed"
    ]
    ids = {one.event_id for one in deliveries()}
    assert {came.event_id for came in receiver.received} == ids
    assert {came.event_id for came in receiver.refused} <= ids
    assert len(ids) == 3


def test_the_waits_grow_as_promised_until_it_is_given_up_after_a_day(
    ending: Ending,
    receiver: Receiver,
    database: Database,
    send: Send,
    deliveries: Deliveries,
    moved: MovableClock,
) -> None:
    begun = clock.now()
    receiver.status = 500
    ending.end(ending.add(receiver.url))
    send()
    waits = []
    while deliveries()[0].status is DeliveryStatus.PENDING:
        waits.append(next_moment(database))
        moved.set(clock.now() + waits[-1])
        send()

    planned = [*schedule.DELAYS_SECONDS, *[schedule.LAST_DELAY_SECONDS] * 99][: len(waits)]
    for wait, seconds in zip(waits, planned, strict=True):
        assert 0.8 * seconds <= wait.total_seconds() <= 1.2 * seconds
    assert timedelta(hours=21) < clock.now() - begun <= timedelta(hours=24)
    (given_up,) = deliveries()
    assert (given_up.status, given_up.last_status, given_up.last_error) == (
        DeliveryStatus.FAILED,
        500,
        "refused",
    )
    assert given_up.attempts == len(receiver.received) == len(waits) + 1
    assert len({came.event_id for came in receiver.received}) == 1
    assert len({came.body for came in receiver.received}) == 1


def test_what_follows_an_event_that_was_given_up_is_sent(
    ending: Ending, receiver: Receiver, send: Send, deliveries: Deliveries
) -> None:
    receiver.status = 410
    document_id = ending.add(receiver.url)
    ending.end(document_id, DocumentStatus.CANCELLED)
    ending.reopen(document_id)
    ending.end(document_id)

    send()

    assert [came.event["type"] for came in receiver.received] == [
        "document.cancelled",
        "document.completed",
    ]
    assert [one.last_error for one in deliveries()] == ["gone", "gone"]


def test_a_redirect_is_not_followed(
    ending: Ending, receiver: Receiver, send: Send, deliveries: Deliveries
) -> None:
    with receiving() as elsewhere:
        receiver.status, receiver.headers = 307, {"location": elsewhere.url}
        ending.end(ending.add(receiver.url))

        send()

        assert elsewhere.received == []
    assert [(one.last_status, one.last_error) for one in deliveries()] == [(307, "refused")]


def test_an_address_that_is_not_allowed_is_not_connected_to(
    ending: Ending, receiver: Receiver, send: Send, deliveries: Deliveries
) -> None:
    with receiving() as inside:
        ending.end(ending.add(inside.url))

        send()

        assert inside.received == []
    assert [one.last_error for one in deliveries()] == ["url_not_allowed"]


def test_a_slow_receiver_holds_up_nobody_else(
    ending: Ending, receiver: Receiver, settings: Settings, database: Database
) -> None:
    receiver.held = threading.Event()
    with receiving() as quick:
        allowed = {
            "url_allow": f"{receiver.authority},{quick.authority}",
            "webhook_secret": SecretStr(SECRET),
        }
        sender = Sender(settings.model_copy(update=allowed), database)
        for _ in range(3 * RECEIVER_PLACES_MAX):
            ending.end(ending.add(receiver.url, owner="slow"))
        ending.end(ending.add(quick.url, owner="slow"))
        ending.end(ending.add(quick.url, owner="other"))

        with database.watching() as watch:
            sender.send_due(watch)
            wait_until(lambda: len(quick.received) == 2, 20)
            receiver.held.set()
            while sender.wait_until_idle(20) and sender.send_due(watch):
                pass

        assert len(receiver.received) == 3 * RECEIVER_PLACES_MAX


def test_a_key_has_a_secret_of_its_own_which_goes_before_that_of_the_settings(
    ending: Ending, receiver: Receiver, database: Database, hook_settings: Settings, send: Send
) -> None:
    issued = issue(database)
    changed = KeyAdmin(database).change_webhook(
        "team", Change(sets_url=True, url=receiver.url, sets_secret=True, new_secret=True),
        hook_settings,
    )  # fmt: skip
    ending.end(ending.add(owner=issued.key.owner))

    send()

    (came,) = receiver.received
    assert changed.secret is not None
    assert came.verified(changed.secret)["type"] == "document.completed"


def test_without_the_file_that_its_secret_comes_from_nothing_is_sent(
    ending: Ending,
    receiver: Receiver,
    database: Database,
    hook_settings: Settings,
    send: Send,
    deliveries: Deliveries,
) -> None:
    key = webhook_secrets.instance_key(hook_settings)
    issued = KeyAdmin(database).create(Terms(name="team", webhook_url=receiver.url), key)
    data_folder.webhook_key(hook_settings).unlink()
    ending.end(ending.add(owner=issued.key.owner))
    send()
    webhook_secrets.instance_key(hook_settings)  # another one
    ending.end(ending.add(owner=issued.key.owner))
    send()

    assert receiver.received == []
    assert {one.last_error for one in deliveries()} == {"secret_lost"}


def test_nothing_is_sent_for_a_key_that_was_revoked(
    ending: Ending,
    receiver: Receiver,
    database: Database,
    send: Send,
    deliveries: Deliveries,
) -> None:
    issued = issue(database)
    ending.end(ending.add(receiver.url, owner=issued.key.owner))
    KeyAdmin(database).revoke("team")

    send()

    assert receiver.received == []
    assert [(one.status, one.last_error) for one in deliveries()] == [
        (DeliveryStatus.FAILED, "key_revoked")
    ]


def test_what_a_dead_sender_has_claimed_is_sent_by_the_next(
    ending: Ending, receiver: Receiver, database: Database, sender: Sender, deliveries: Deliveries
) -> None:
    ending.end(ending.add(receiver.url))
    with database.writing() as session:
        (due,) = outbox.due_at(session, "anonymous", deliveries()[0].receiver, clock.now(), 9)
        outbox.claim(session, due, clock.now())

    sender.start()
    wait_until(lambda: len(receiver.received) == 1, 20)
    wait_until(lambda: deliveries()[0].status is DeliveryStatus.DELIVERED, 20)

    assert deliveries()[0].attempts == 2


def test_a_sender_that_is_stopped_settles_what_is_under_way(
    ending: Ending,
    receiver: Receiver,
    sender: Sender,
    deliveries: Deliveries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ilios.webhooks.sender.STOP_SECONDS", 20.0)
    receiver.held = threading.Event()
    ending.end(ending.add(receiver.url))
    sender.start()
    wait_until(lambda: deliveries()[0].status is DeliveryStatus.SENDING, 20)

    stopping = threading.Thread(target=sender.stop)
    stopping.start()
    receiver.held.set()
    stopping.join(60)

    assert not stopping.is_alive()
    assert deliveries()[0].status is DeliveryStatus.DELIVERED


def test_one_sender_of_a_folder_sends(
    ending: Ending, receiver: Receiver, make_sender: Callable[[], Sender]
) -> None:
    for _ in range(2):
        make_sender().start()
    for _ in range(5):
        ending.end(ending.add(receiver.url))

    wait_until(lambda: len(receiver.received) >= 5, 20)

    assert len({came.event_id for came in receiver.received}) == 5 == len(receiver.received)


@pytest.mark.only_sqlite
def test_an_outage_of_the_database_is_logged_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sender, "TURN_SECONDS", 0.01)
    with closing(PostgresDatabase("postgresql://127.0.0.1:1/none")) as absent:
        attempts = 0

        def taken() -> bool:
            nonlocal attempts
            attempts += 1
            with absent.writing():
                return True

        waiting = Sender(settings, absent)
        monkeypatch.setattr(waiting, "_take_turn", taken)
        waiting.start()
        wait_until(lambda: attempts > 3, 20)
        waiting.stop()

    said = capfd.readouterr().out
    assert said.count("webhooks.database_failed") == 1
    assert "webhooks.not_sent" not in said


def test_a_start_makes_what_waits_due_at_once(
    ending: Ending,
    receiver: Receiver,
    database: Database,
    send: Send,
    deliveries: Deliveries,
    moved: MovableClock,
) -> None:
    receiver.is_down = True
    ending.end(ending.add(receiver.url))
    for _ in range(7):
        send()
        moved.set(clock.now() + next_moment(database))
    send()
    receiver.is_down = False
    assert next_moment(database) > timedelta(0)

    with database.writing() as session:
        assert outbox.hasten(session, clock.now()) == 1
    send()

    assert deliveries()[0].status is DeliveryStatus.DELIVERED


def test_what_has_ended_is_swept_after_its_time(
    ending: Ending,
    receiver: Receiver,
    send: Send,
    sender: Sender,
    deliveries: Deliveries,
    moved: MovableClock,
) -> None:
    ending.end(ending.add(receiver.url))
    send()
    moved.advance(days=outbox.KEPT.days, minutes=-1)
    sender.sweep()
    assert len(deliveries()) == 1

    moved.advance(minutes=2)
    sender.sweep()

    assert deliveries() == []
