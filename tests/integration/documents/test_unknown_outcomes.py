"""A transaction of which nobody knows whether it was committed: what it names stays stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from ilios.core import clock
from ilios.core.errors import OutcomeUnknown
from ilios.db.database import Database
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
