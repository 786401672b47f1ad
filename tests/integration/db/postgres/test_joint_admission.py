"""Documents that are taken in together become what each would have become by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ilios.accounts.holdings import Standard
from ilios.core.errors import IliosError
from ilios.core.request_errors import TooManyWaiting
from ilios.core.settings import Settings
from ilios.db.database import Scope
from ilios.db.group_commit import GroupCommit
from ilios.db.models import DocumentStatus
from ilios.db.postgres.database import PostgresDatabase
from ilios.documents.admission import Candidate, Order, Stored
from ilios.documents.units_of_work import AdmitDocument
from ilios.queue.priority import SPACING_MS
from tests.support import documents
from tests.support.issuing import issue

PLENTY = Standard(None, 1000)
FAR_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)


def unit(
    settings: Settings,
    number: int,
    *,
    content: str = "",
    standard: Standard = PLENTY,
    **order: Any,
) -> AdmitDocument:
    name = f"{number:024d}"
    sha256 = (content or f"{number}").rjust(64, "0")
    stored = Stored(name, "a.txt", "text/plain", 5, sha256, f"documents/{name}")
    wanted = Order(**{"owner": "me", **order})
    return AdmitDocument(Candidate.of(settings, stored, wanted), standard)


def admit(database: PostgresDatabase, *units: AdmitDocument) -> list[Any]:
    """Admit documents in one transaction; return their rows, refusals, and what is left."""
    with database.writing(Scope.of_all(Scope.owner(u.candidate.order.owner) for u in units)) as on:
        return AdmitDocument.together(on, units)


def test_each_has_its_row_and_its_job(database: PostgresDatabase, settings: Settings) -> None:
    rows = admit(database, *(unit(settings, number) for number in range(3)))

    found = {one.id: one for one in documents.documents(database)}
    assert [row["id"] for row in rows] == sorted(found)
    for row in rows:
        assert {name: getattr(found[row["id"]], name) for name in row} == row
    assert {job.document_id for job in documents.jobs(database)} == set(found)


def test_it_is_the_row_and_the_job_of_one_by_itself(
    database: PostgresDatabase, settings: Settings
) -> None:
    with database.writing(Scope.owner("me")) as session:
        unit(settings, 1)(session)
    admit(database, unit(settings, 2))

    one, other = sorted(documents.documents(database), key=lambda document: document.id)
    differ = {"id", "sha256", "storage_key", "fingerprint", "created_at"}
    assert {
        name
        for name in vars(one)
        if not name.startswith("_") and getattr(one, name) != getattr(other, name)
    } == differ
    first, second = sorted(documents.jobs(database), key=lambda job: job.rank)
    differ = {"id", "document_id", "rank", "created_at"}
    assert {
        name
        for name in vars(first)
        if not name.startswith("_") and getattr(first, name) != getattr(second, name)
    } == differ


def test_those_of_an_owner_go_one_behind_the_other(
    database: PostgresDatabase, settings: Settings
) -> None:
    documents.add_document(database, owner="another", now=FAR_AHEAD)
    units = [unit(settings, 1), unit(settings, 2, owner="you"), unit(settings, 3)]

    admit(database, *units)

    ranks = {job.document_id: job.rank for job in documents.jobs(database)}
    mine, yours, mine_too = (ranks[u.candidate.columns["id"]] for u in units)
    assert mine == yours
    assert mine_too - mine == SPACING_MS


def test_the_same_bytes_are_left_to_join(database: PostgresDatabase, settings: Settings) -> None:
    one, other = (unit(settings, number, content="same") for number in (1, 2))

    row, left = admit(database, one, other)
    assert row["result_of"] is None
    assert left is None

    assert admit(database, unit(settings, 3, content="same")) == [None]
    assert admit(database, unit(settings, 4, content="same", cache=False))[0]["result_of"] is None


def test_what_was_left_joins(database: PostgresDatabase, settings: Settings) -> None:
    subject = GroupCommit(database)
    first = subject.write(unit(settings, 1, content="same"), "me", Scope.owner("me"))
    second = subject.write(unit(settings, 2, content="same"), "me", Scope.owner("me"))

    assert second["result_of"] == first["id"]
    assert len(documents.jobs(database)) == 1


def test_no_more_of_an_owner_wait_than_may(database: PostgresDatabase, settings: Settings) -> None:
    few = Standard(None, 2)
    units = [unit(settings, number, standard=few) for number in range(3)]

    *admitted, refused = admit(database, *units, unit(settings, 4, standard=few, owner="you"))[:3]

    assert all(isinstance(row, dict) for row in admitted)
    assert isinstance(refused, TooManyWaiting)
    assert len(documents.documents(database)) == 3


def test_one_that_is_refused_raises_it_and_leaves_nothing(
    database: PostgresDatabase, settings: Settings
) -> None:
    with pytest.raises(TooManyWaiting):
        GroupCommit(database).write(
            unit(settings, 1, standard=Standard(None, 0)), "me", Scope.owner("me")
        )

    assert documents.documents(database) == []


def test_an_owner_with_a_quota_is_left(database: PostgresDatabase, settings: Settings) -> None:
    owner = issue(database, pages_per_day=1).key.owner
    one, other = (unit(settings, number, owner=owner) for number in (1, 2))

    assert admit(database, one) == [None]

    row = GroupCommit(database).write(one, owner, Scope.owner(owner))
    assert (row["status"], row["reserved_pages"]) == (DocumentStatus.PENDING, 1)
    with pytest.raises(IliosError, match="pages"):
        GroupCommit(database).write(other, owner, Scope.owner(owner))
