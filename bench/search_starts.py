"""Starts of a service with a search index, as it is and made anew; a part of bench.search."""

from __future__ import annotations

import os
from typing import Final

from bench.durations import Durations
from bench.service import migrate, running_on
from ilios.core.settings import Settings
from ilios.db.database import Database

STARTS: Final = 5  #: of each, in turn
AS_IT_IS, MADE_ANEW = "as it is", "made anew"  #: the index, by a start


def measure_starts(settings: Settings, database: Database) -> None:
    """Print how long starts take, and the migration that each begins with when it is alone."""
    starts, migrations, processor = (
        {name: Durations() for name in (AS_IT_IS, MADE_ANEW)} for _ in range(3)
    )
    database.close()
    with running_on(settings.data_folder) as service:
        service.stop()
        for name in [AS_IT_IS, MADE_ANEW] * STARTS:
            prepare = _spoil if name == MADE_ANEW else Database.close
            prepare(database)
            with migrations[name].measured(), processor[name].measured(_of_children):
                migrate(settings.data_folder)
            prepare(database)
            service.start()
            service.wait_until_ready()
            starts[name].add(service.ready_seconds)
            service.stop()
    for name, start in starts.items():
        print(
            f"start with the index {name}: {start}; its migration alone: {migrations[name]}; "
            f"processor {processor[name]} ({STARTS} in turn)"
        )


def _of_children() -> float:
    """Return the processor time of the processes that have ended, in seconds."""
    spent = os.times()
    return spent.children_user + spent.children_system


def _spoil(database: Database) -> None:
    """Take from the index what the next migration misses: it makes the index anew then."""
    with database.writing() as session:
        session.driver.execute("DROP TRIGGER search_pages_removed")
    database.close()
