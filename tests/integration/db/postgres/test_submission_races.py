"""Submissions of one owner at once: without the lock of the owner, and with it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from ilios.accounts import quotas
from ilios.accounts.holdings import Standard
from ilios.accounts.quotas import Amount
from ilios.core.conversion_errors import DailyPagesSpent
from ilios.core.request_errors import TooManyWaiting
from ilios.core.settings import Settings
from ilios.db.database import Scope
from ilios.db.postgres.database import PostgresDatabase
from ilios.documents.admission import Candidate, Order, Stored
from ilios.documents.idempotency import CreatedBefore, Repeatable, key_of, once
from ilios.documents.units_of_work import AdmitDocument
from ilios.queue.priority import SPACING_MS
from tests.support import documents
from tests.support.issuing import issue
from tests.support.racing import TIMEOUT_S, apart, held_up, without_lock

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PLENTY = Standard(None, 1000)
ME = Scope.owner("me")
REPEATABLE = Repeatable(key_of("me", "key"), "me", "content")
Unit = Callable[[Session], Any]


def unit(
    settings: Settings,
    number: int,
    *,
    content: str = "",
    owner: str = "me",
    standard: Standard = PLENTY,
) -> Unit:
    """Return what takes a document in; its content is of its own, unless one is named."""
    name = f"{number:024d}"
    sha256 = (content or f"{number}").rjust(64, "0")
    stored = Stored(name, "a.txt", "text/plain", 5, sha256, f"documents/{name}")
    return AdmitDocument(Candidate.of(settings, stored, Order(owner=owner)), standard)


def write(database: PostgresDatabase, scope: Scope, run: Unit) -> Any:
    with database.writing(scope) as session:
        return run(session)


def both(database: PostgresDatabase, one: Unit, other: Unit) -> None:
    """Run two units in transactions that do not wait for each other."""
    with apart(database) as (a, b):
        one(a)
        other(b)


def in_turn(
    database: PostgresDatabase, thread: ThreadPoolExecutor, scope: Scope, one: Unit, other: Unit
) -> Any:
    """Run a unit while another one waits for its transaction; return or raise what that does."""
    with database.writing(scope) as session:
        one(session)
        waiting = held_up(thread, database, lambda: write(database, scope, other))
    return waiting.result(TIMEOUT_S)


def test_the_same_bytes_at_once_would_be_converted_twice(
    database: PostgresDatabase, settings: Settings
) -> None:
    both(database, *(unit(settings, number, content="same") for number in (1, 2)))

    assert len(documents.jobs(database)) == 2


def test_the_same_bytes_at_once_are_converted_once(
    database: PostgresDatabase, settings: Settings, thread: ThreadPoolExecutor
) -> None:
    units = [unit(settings, number, content="same") for number in (1, 2)]

    second = in_turn(database, thread, ME, *units)

    assert second["result_of"] == f"{1:024d}"
    assert len(documents.jobs(database)) == 1


def test_jobs_that_are_enqueued_at_once_would_have_the_same_rank(
    database: PostgresDatabase, settings: Settings
) -> None:
    add_far_ahead(database)

    both(database, unit(settings, 1), unit(settings, 2))

    ranks = sorted(job.rank for job in documents.jobs(database))
    assert ranks[2] - ranks[1] == 0


def test_jobs_that_are_enqueued_at_once_take_turns(
    database: PostgresDatabase, settings: Settings, thread: ThreadPoolExecutor
) -> None:
    add_far_ahead(database)

    in_turn(database, thread, ME, unit(settings, 1), unit(settings, 2))

    ranks = sorted(job.rank for job in documents.jobs(database))
    assert ranks[2] - ranks[1] == SPACING_MS


def add_far_ahead(database: PostgresDatabase) -> None:
    """Put the head of the queue in the future, so that ranks do not depend on the clock."""
    documents.add_document(database, now=datetime(2100, 1, 1, tzinfo=UTC))


def test_more_documents_would_wait_than_an_owner_may_have(
    database: PostgresDatabase, settings: Settings
) -> None:
    both(database, *(unit(settings, number, standard=Standard(None, 1)) for number in (1, 2)))

    assert len(documents.jobs(database)) == 2


def test_no_more_documents_wait_than_an_owner_may_have(
    database: PostgresDatabase, settings: Settings, thread: ThreadPoolExecutor
) -> None:
    units = [unit(settings, number, standard=Standard(None, 1)) for number in (1, 2)]

    with pytest.raises(TooManyWaiting):
        in_turn(database, thread, ME, *units)

    assert len(documents.jobs(database)) == 1


def test_a_request_that_is_sent_twice_at_once_would_create_two_documents(
    database: PostgresDatabase, settings: Settings
) -> None:
    both(database, *(once(REPEATABLE, unit(settings, number)) for number in (1, 2)))

    assert len(documents.documents(database)) == 2


def test_a_request_that_is_sent_twice_at_once_creates_one_document(
    database: PostgresDatabase, settings: Settings, thread: ThreadPoolExecutor
) -> None:
    units = [once(REPEATABLE, unit(settings, number)) for number in (1, 2)]

    with pytest.raises(CreatedBefore) as before:
        in_turn(database, thread, ME, *units)

    assert [found.id for found in before.value.created.documents] == [f"{1:024d}"]
    assert len(documents.documents(database)) == 1


def test_owners_do_not_wait_for_each_other(database: PostgresDatabase, settings: Settings) -> None:
    with database.writing(ME) as mine, database.writing(Scope.owner("you")) as yours:
        unit(settings, 1)(mine)
        unit(settings, 2, owner="you")(yours)

    assert {job.owner for job in documents.jobs(database)} == {"me", "you"}


@pytest.mark.parametrize("is_locked", [False, True])
def test_the_last_page_of_a_quota_is_taken_once_by_the_lock(
    database: PostgresDatabase,
    thread: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    is_locked: bool,
) -> None:
    owner = issue(database, pages_per_day=1).key.owner
    one, other = (documents.add_document(database, owner=owner)[0] for _ in range(2))

    def reserve(document_id: str) -> Unit:
        return lambda session: quotas.claim(session, document_id, owner, Amount(1, 0), NOON)

    if is_locked:
        with pytest.raises(DailyPagesSpent):
            in_turn(database, thread, Scope.ROWS, reserve(one), reserve(other))
    else:
        monkeypatch.setattr(quotas, "_LIMITS", without_lock(quotas._LIMITS))
        both(database, reserve(one), reserve(other))

    with database.reading() as session:
        assert quotas.reserved(session, owner).pages == (1 if is_locked else 2)
