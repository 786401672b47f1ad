"""Wake-ups through PostgreSQL."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import text

from ilios.db.postgres import listening
from ilios.db.postgres.database import PostgresDatabase
from ilios.db.postgres.listening import CHANNEL, PostgresListener, notify
from tests.postgres_server.process import PostgresServer
from tests.support.waiting import wait_until

TIMEOUT_S = 30.0


@pytest.fixture
def listener(url: str) -> Iterator[PostgresListener]:
    with closing(PostgresListener(url)) as listener:
        yield listener


def is_woken(listener: PostgresListener, timeout_s: float = TIMEOUT_S) -> bool:
    return bool(select.select([listener], [], [], timeout_s)[0])


def test_a_wake_up_makes_it_ready_until_it_is_cleared(
    empty: PostgresDatabase, listener: PostgresListener
) -> None:
    notify(empty)

    assert is_woken(listener)
    assert listener.clear()
    assert not is_woken(listener, 0)
    assert not listener.clear()


def test_many_wake_ups_are_cleared_at_once(
    empty: PostgresDatabase, listener: PostgresListener
) -> None:
    with empty.writing() as session:
        for number in range(100):
            session.execute(text(f"NOTIFY {CHANNEL}, '{number}'"))
    assert is_woken(listener)

    assert listener.clear()
    notify(empty)

    assert is_woken(listener)
    assert listener.clear()
    assert not is_woken(listener, 0)


def test_what_is_rolled_back_wakes_nobody(
    empty: PostgresDatabase, listener: PostgresListener
) -> None:
    with empty.reading() as session:
        session.execute(text(f"NOTIFY {CHANNEL}"))

    assert not listener.clear()


def test_a_connection_that_was_ended_is_opened_again(
    empty: PostgresDatabase, listener: PostgresListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "RECONNECT_SECONDS", 0)
    ended = (
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN {CHANNEL}'"
    )
    with empty.reading() as session:
        session.execute(text(ended))

    assert is_woken(listener)
    wait_until(listener.clear, TIMEOUT_S)  # something may have happened meanwhile
    notify(empty)
    assert is_woken(listener)
    assert listener.clear()


def test_without_a_server_nobody_is_woken_and_nothing_is_raised(
    postgres_server: PostgresServer,
) -> None:
    absent = postgres_server.url("absent")
    with closing(PostgresListener(absent)) as listener:
        notify(PostgresDatabase(absent))

        assert not is_woken(listener, 0)
        assert not listener.clear()
