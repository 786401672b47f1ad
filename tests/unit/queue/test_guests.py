"""Which job goes next in a guest place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from ilios.db.database import Database
from ilios.db.models import Job, JobStatus
from ilios.engines.registry import EMBEDDED, MISTRAL
from ilios.queue import guests
from tests.support import documents

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def add(database: Database, owner: str, minutes: float = 0, lane: str = EMBEDDED) -> str:
    now = NOON + timedelta(minutes=minutes)
    return documents.add_document(database, owner=owner, now=now, lane=lane)[1]


def claim(database: Database, *owners: str) -> str | None:
    with database.writing() as session:
        lease = guests.claim(session, EMBEDDED, "node/worker-0", NOON, owners)
    return lease.job_id if lease else None


def test_the_first_job_of_an_owner_without_one_goes(database: Database) -> None:
    for _ in range(5):
        add(database, "a")
    add(database, "c", minutes=2)
    first_of_b = add(database, "b", minutes=1)
    add(database, "b", minutes=1)

    assert claim(database, "a") == first_of_b
    assert documents.job(database, first_of_b).status is JobStatus.PROCESSING


def test_without_an_owner_at_work_the_lowest_rank_goes(database: Database) -> None:
    add(database, "b", minutes=1)
    first = add(database, "a")

    assert claim(database) == first


def test_owners_at_work_wait_and_so_does_what_is_not_ready(database: Database) -> None:
    add(database, "a")
    add(database, "b", lane=MISTRAL)
    delayed = add(database, "c")
    with database.writing() as session:
        session.execute(update(Job).where(Job.id == delayed).values(scheduled_at=NOON))

    assert claim(database, "a") is None


def test_a_lease_names_the_owner(database: Database) -> None:
    add(database, "b")

    with database.writing() as session:
        lease = guests.claim(session, EMBEDDED, "node/worker-0", NOON, ["a"])

    assert lease is not None
    assert lease.owner == "b"
