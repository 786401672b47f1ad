"""A transaction of which nobody knows whether it was committed: what it names stays stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from ilios.core import clock
from ilios.core.errors import OutcomeUnknown
from ilios.db.database import Database
from ilios.db.postgres.driver import WritingConnection, psycopg
from ilios.documents.admission import Order
from ilios.documents.retention.orphans import Orphans
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.storage.base import ObjectStore
from tests.conftest import POSTGRESQL
from tests.support import documents
from tests.support.ending_commits import end_at_commit, let_commit

pytestmark = pytest.mark.parametrize("database", [POSTGRESQL], indirect=True)

Receive = Callable[..., Received]
ME = Order(owner="me")
NEXT_DAY = timedelta(hours=25)


def test_the_file_of_a_document_stays_until_the_sweep_has_seen_that_there_is_no_row(
    submissions: Submissions, receive: Receive, database: Database, store: ObjectStore
) -> None:
    orphans = Orphans(database, store)
    end_at_commit(database, "documents")

    with pytest.raises(OutcomeUnknown):
        submissions.submit(receive(b"Hello there"), ME)
    let_commit(database, "documents")

    assert documents.documents(database) == []
    assert len(list(orphans.found(clock.now() + NEXT_DAY))) == 1
    assert orphans.remove(clock.now() + NEXT_DAY) == 1


def test_so_it_is_when_the_driver_has_lost_the_answer_to_a_commit_in_a_pipeline(
    submissions: Submissions,
    receive: Receive,
    database: Database,
    store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit = WritingConnection.commit

    def lose_answer(connection: WritingConnection) -> None:
        commit(connection)
        raise psycopg.OperationalError("cannot exit pipeline mode while busy")

    with monkeypatch.context() as patched:
        patched.setattr(WritingConnection, "commit", lose_answer)
        with pytest.raises(OutcomeUnknown):
            submissions.submit(receive(b"Hello there"), ME)

    (document,) = documents.documents(database)
    with store.open(document.storage_key) as stored:
        assert stored.read() == b"Hello there"


def test_so_do_the_files_of_a_batch_and_what_comes_after_is_taken_in(
    submissions: Submissions, receive: Receive, database: Database, store: ObjectStore
) -> None:
    end_at_commit(database, "documents")
    with pytest.raises(OutcomeUnknown):
        submissions.submit_batch([receive(b"One"), receive(b"Two")], ME)
    let_commit(database, "documents")

    submissions.submit(receive(b"Three"), ME)

    assert len(documents.documents(database)) == 1
    assert len(list(Orphans(database, store).found(clock.now() + NEXT_DAY))) == 2
