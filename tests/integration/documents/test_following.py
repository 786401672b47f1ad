"""What has changed of the documents, batches and keys that are followed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from ilios.core import clock
from ilios.core.conversion_errors import CorruptDocument
from ilios.db.database import Database
from ilios.db.models import Batch, Document, DocumentStatus
from ilios.db.watch import Watch
from ilios.documents import following, removal, results
from ilios.documents.following import OVERLAP, RESUMED, Follower, Following, Kind, Subject
from tests.support import documents

pytestmark = pytest.mark.both_databases

OWNER = "anna"
LONG_AGO = timedelta(days=2)
NOW = clock.now()


class Looks:
    """Somebody's looks, and what they find for a follower."""

    def __init__(self, database: Database, watch: Watch) -> None:
        self.database = database
        self._watch = watch
        self.following = Following()

    def follow(self, subject: Subject, since: datetime | None = None) -> Follower:
        follower = Follower(subject, clock.now(), since)
        self.following.add(follower)
        return follower

    def told(self, follower: Follower) -> list[str]:
        """Look, and take what the follower is to be told."""
        self.following.look(self._watch, clock.now())
        told = list(follower.changed)
        for document_id in told:
            follower.note_told(document_id)
        return told

    def add(self, owner: str = OWNER, age: timedelta = timedelta()) -> str:
        document_id, _ = documents.add_document(self.database, owner=owner, now=clock.now() - age)
        return document_id

    def change(self, document_id: str, **columns: object) -> None:
        with self.database.writing() as session:
            document = session.get_one(Document, document_id)
            for name, value in columns.items():
                setattr(document, name, value)

    def end(self, document_id: str, age: timedelta = timedelta()) -> None:
        with self.database.writing() as session:
            results.fail(session, document_id, CorruptDocument("no"), clock.now() - age)


@pytest.fixture
def looks(database: Database) -> Iterator[Looks]:
    with database.watching() as watch:
        yield Looks(database, watch)


def of_document(document_id: str) -> Subject:
    return Subject(Kind.DOCUMENT, document_id, OWNER)


def of_key(owner: str = OWNER) -> Subject:
    return Subject(Kind.KEY, owner, owner)


def test_a_document_is_told_at_first_and_when_it_has_changed(looks: Looks) -> None:
    document_id, other = looks.add(), looks.add()
    follower = looks.follow(of_document(document_id))

    assert looks.told(follower) == [document_id]
    assert looks.told(follower) == []
    looks.end(other)
    assert looks.told(follower) == []
    looks.change(document_id, status=DocumentStatus.PROCESSING, started_at=clock.now())
    assert looks.told(follower) == [document_id]
    looks.change(document_id, pages_done=3)
    assert looks.told(follower) == [document_id]
    looks.end(document_id)
    assert looks.told(follower) == [document_id]


def test_a_document_that_shows_anothers_pages_has_its_progress(looks: Looks) -> None:
    leader, joined = looks.add(), looks.add()
    looks.change(joined, result_of=leader)
    follower = looks.follow(of_document(joined))
    looks.told(follower)

    looks.change(leader, pages_done=1)

    assert looks.told(follower) == [joined]


def test_a_document_that_is_gone_is_told(looks: Looks) -> None:
    follower = looks.follow(of_document("z" * 24))
    assert looks.told(follower) == ["z" * 24]

    document_id = looks.add()
    follower = looks.follow(of_document(document_id))
    looks.told(follower)
    with looks.database.writing() as session:
        session.delete(session.get_one(Document, document_id))

    assert looks.told(follower) == [document_id]


def test_a_batch_is_told_when_one_of_its_documents_has_another_status(looks: Looks) -> None:
    batch_id = "b" * 24
    with looks.database.writing() as session:
        session.add(Batch(id=batch_id, owner=OWNER, total_documents=2, priority=5, created_at=NOW))
    first, second = looks.add(), looks.add()
    for document_id in (first, second):
        looks.change(document_id, batch_id=batch_id)
    follower = looks.follow(Subject(Kind.BATCH, batch_id, OWNER))

    assert looks.told(follower) == [batch_id]
    assert looks.told(follower) == []
    looks.end(second)
    assert looks.told(follower) == [batch_id]
    looks.end(first)
    assert looks.told(follower) == [batch_id]


def test_a_key_is_told_of_open_documents_at_first_and_of_changes_of_its_own(looks: Looks) -> None:
    looks.end(looks.add())
    still_open = looks.add(age=LONG_AGO)
    looks.add(owner="bert")
    follower = looks.follow(of_key())

    assert looks.told(follower) == [still_open]
    new = looks.add()
    looks.end(looks.add(owner="bert"))
    assert looks.told(follower) == [new]
    looks.change(new, status=DocumentStatus.PROCESSING, started_at=clock.now())
    assert looks.told(follower) == [new]
    looks.change(new, pages_done=1)
    assert looks.told(follower) == [new]
    looks.end(new)
    looks.end(still_open)
    assert sorted(looks.told(follower)) == sorted([new, still_open])
    assert looks.told(follower) == []


def test_what_ends_before_the_first_look_is_told(looks: Looks) -> None:
    still_open, before = looks.add(age=LONG_AGO), looks.add()
    looks.end(before)
    follower = looks.follow(of_key())

    looks.end(still_open)
    new = looks.add()
    looks.end(new)

    assert looks.told(follower) == [still_open, new]
    assert looks.told(follower) == []


def test_what_begins_and_ends_between_two_looks_is_told(looks: Looks) -> None:
    old = looks.add(age=LONG_AGO)
    looks.end(old, age=LONG_AGO)
    follower = looks.follow(of_key())
    looks.told(follower)

    looks.change(old, status=DocumentStatus.COMPLETED, processed_at=clock.now())  # a retry
    new = looks.add()
    looks.end(new)
    joined = looks.add()  # to a result that is older than it
    looks.change(
        joined, status=DocumentStatus.COMPLETED, processed_at=clock.now() - LONG_AGO, result_of=old
    )

    assert sorted(looks.told(follower)) == sorted([old, new, joined])
    assert looks.told(follower) == []


def test_a_commit_that_comes_late_is_told(looks: Looks) -> None:
    follower = looks.follow(of_key())
    looks.told(follower)

    late = looks.add(age=OVERLAP / 2)
    looks.end(late, age=OVERLAP / 2)

    assert looks.told(follower) == [late]


def test_a_deletion_is_told_of_documents_that_were_open(looks: Looks) -> None:
    still_open, ended = looks.add(), looks.add()
    looks.end(ended)
    follower = looks.follow(of_key())
    looks.told(follower)

    for document_id in (still_open, ended):
        with looks.database.writing() as session:
            removal.tombstone(session, document_id, document_id, clock.now())

    assert looks.told(follower) == [still_open]


def test_who_comes_back_is_told_what_has_ended_since_and_what_is_open(looks: Looks) -> None:
    before, meanwhile, still_open = looks.add(age=LONG_AGO), looks.add(age=LONG_AGO), looks.add()
    looks.end(before, age=timedelta(minutes=20))
    looks.end(meanwhile, age=timedelta(minutes=5))
    other = looks.follow(of_key())
    looks.told(other)

    follower = looks.follow(of_key(), since=clock.now() - timedelta(minutes=10))

    assert looks.told(follower) == [meanwhile, still_open]
    assert looks.told(other) == []  # who was there has heard it


def test_who_comes_back_late_is_told_what_has_ended_within_an_hour() -> None:
    follower = Follower(of_key(), NOW, since=NOW - LONG_AGO)

    assert follower.told_until == NOW - RESUMED


def test_a_moment_in_the_future_counts_as_now() -> None:
    assert Follower(of_key(), NOW, since=NOW + LONG_AGO).told_until == NOW


def test_everything_is_told_until_a_look_once_nothing_is_left(looks: Looks) -> None:
    first, second = looks.add(), looks.add()
    follower = looks.follow(of_key())
    begun = follower.told_until

    looks.following.look(looks._watch, clock.now())

    follower.note_told(first)
    assert follower.told_until == begun
    follower.note_told(second)
    assert follower.told_until == follower.seen_until > begun


def test_a_clock_that_is_set_back_hides_nothing(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = looks.follow(of_key())
    looks.told(follower)
    earlier = clock.now() - timedelta(hours=3)
    monkeypatch.setattr(clock, "now", lambda: earlier)

    new = looks.add()
    looks.end(new)

    assert looks.told(follower) == [new]


def test_a_key_with_many_open_documents_is_told_of_the_newest(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "OPENING_MAX", 2)
    _, *newest = (looks.add() for _ in range(3))

    assert looks.told(looks.follow(of_key())) == newest


def test_more_than_is_kept_for_a_follower_is_an_overrun(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "CHANGES_MAX", 1)
    follower = looks.follow(of_key())
    looks.add()
    looks.following.look(looks._watch, clock.now())
    assert not follower.is_overrun

    looks.add()
    looks.following.look(looks._watch, clock.now())

    assert follower.is_overrun


def test_nothing_is_looked_for_once_nobody_follows(looks: Looks) -> None:
    document_id = looks.add()
    follower = looks.follow(of_document(document_id))
    looks.told(follower)

    looks.following.remove(follower)
    looks.end(document_id)

    assert looks.told(follower) == []
