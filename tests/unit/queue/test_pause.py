"""The pause of the queue, on a real database file."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ilios.db.database import Database
from ilios.queue import pause

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_a_pause_holds_since_it_was_made_and_until_it_ends(database: Database) -> None:
    with database.writing() as session:
        assert not pause.is_paused(session)
        pause.pause(session, NOON)

    with database.writing() as session:
        assert pause.is_paused(session)
        assert pause.paused_since(session) == NOON
        pause.resume(session)

    with database.reading() as session:
        assert pause.paused_since(session) is None
