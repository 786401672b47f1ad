"""Wake-ups by NOTIFY: sent after the commit, heard on a connection that nothing else uses.

One that is lost costs a poll interval at most, so that no error of sending is raised, and a
listener whose connection has broken off opens another one when it is asked next.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from ilios.core.errors import DatabaseBusy
from ilios.core.telemetry import logs
from ilios.db.database import Database
from ilios.db.postgres.driver import connect, psycopg

log = logs.get(__name__)

CHANNEL: Final = "ilios_jobs"
RECONNECT_SECONDS: Final = 1.0  #: between two attempts
ANSWER_SECONDS: Final = 5.0  #: a supervisor stands still meanwhile


def notify(database: Database) -> None:
    """Wake whoever listens, in a transaction of its own."""
    with (
        suppress(DatabaseBusy, SQLAlchemyError, psycopg.Error),
        database.watching() as watch,
    ):
        watch.driver.execute(f"NOTIFY {CHANNEL}")


class PostgresListener:
    """Receives wake-ups; `fileno` makes it selectable."""

    def __init__(self, url: str) -> None:
        """Take the URL of the server itself: a pooler would not keep the connection for us."""
        self._url = url
        self._connection: Any = None
        self._tried_at = float("-inf")
        self._silence, self._held_open = socket.socketpair()  # selectable, and never ready
        self._reconnect()

    def fileno(self) -> int:
        if self._connection is None:
            return self._silence.fileno()
        descriptor: int = self._connection.fileno()
        return descriptor

    def clear(self) -> bool:
        """Take all wake-ups; return whether there was any, or may have been one unheard."""
        if self._connection is None:
            return self._reconnect()
        try:
            # To its end: what came in the same packet would be lost otherwise.
            return sum(1 for _ in self._connection.notifies(timeout=0)) > 0
        except psycopg.Error as error:
            log.warning("wakeups.lost", reason=type(error).__name__)
            self._disconnect()
            return self._reconnect()

    def close(self) -> None:
        self._disconnect()
        self._silence.close()
        self._held_open.close()

    def _reconnect(self) -> bool:
        """Listen anew, unless that was tried a moment ago; return whether it succeeded."""
        if time.monotonic() < self._tried_at + RECONNECT_SECONDS:
            return False
        self._tried_at = time.monotonic()
        try:
            self._connection = connect(self._url, answer_seconds=ANSWER_SECONDS)
            self._connection.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error:
            self._disconnect()
        return self._connection is not None

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
