"""Whether anything of a service runs; once nothing does, it is kept from starting."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import Final

from ilios.core import data_folder
from ilios.core.processes import lock_file
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.driver_session import DriverSession

ENDING_SECONDS: Final = 2.0  #: that a server is given to end a connection that was closed
POLL_SECONDS: Final = 0.05


def reached(settings: Settings, database: Database) -> ExitStack | None:
    """Return what keeps the service from starting until it is closed; None while it runs.

    On PostgreSQL that is only looked at: what begins to write later waits for whoever has locked
    the database, and finds it moved.
    """
    held = ExitStack()
    if settings.database_url is not None:
        return None if _others(database) else held
    for path in (data_folder.supervisor_lock(settings), data_folder.web_lock(settings)):
        try:
            held.callback(os.close, lock_file(path, 0))
        except BlockingIOError:
            held.close()
            return None
    return held


def keep(settings: Settings, session: DriverSession) -> None:
    """Let a transaction that keeps others out last as long as it takes."""
    if settings.database_url is not None:
        session.driver.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def end(settings: Settings, session: DriverSession) -> None:
    """Let a transaction that keeps others out do so for good, for those that are back only later.

    A file needs nothing: its locks are not lost while a process lives.
    """
    if settings.database_url is not None:
        from ilios.db.postgres import receiving  # an extra

        receiving.refuse_rows(session.driver)


def _others(database: Database) -> int:
    from ilios.db.postgres import receiving  # an extra

    database.close()  # its own idle connections do not count, once the server has ended them
    deadline = time.monotonic() + ENDING_SECONDS
    with database.watching() as watch:
        while (found := receiving.others(watch.driver)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    return found
