"""Small queries on PostgreSQL, each a transaction of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.engine import Dialect
from sqlalchemy.exc import OperationalError

from ilios.db.driver_session import raise_as_sqlalchemys
from ilios.db.postgres.driver import psycopg
from ilios.db.watch import Watch

POLL_SECONDS: Final = 0.02  #: between two questions whether anything was committed
_SNAPSHOT: Final = "SELECT pg_current_snapshot()::text"
"""Another one after each transaction that wrote, whosever it was."""


class PostgresWatch(Watch):
    """A connection for queries without a transaction. Not for several threads."""

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        super().__init__(connection, dialect)
        self._snapshot: str | None = None
        self._asked_at = 0.0

    def changed(self) -> bool:
        """Return whether anything was committed since the last call; asks every POLL_SECONDS."""
        if (now := time.monotonic()) < self._asked_at + POLL_SECONDS:
            return False
        self._asked_at = now
        try:
            before, self._snapshot = self._snapshot, self.driver.execute(_SNAPSHOT).fetchone()[0]
        except psycopg.Error as error:
            raise_as_sqlalchemys(error, _SNAPSHOT, self.dialect)
        return before != self._snapshot

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Break off queries that take longer, each of them. Raises TimeoutError then."""
        milliseconds = max(1, round(1000 * seconds))  # 0 would be no limit
        self.driver.execute(f"BEGIN; SET LOCAL statement_timeout = {milliseconds}", prepare=False)
        try:
            yield
        except OperationalError as error:
            if isinstance(error.orig, psycopg.errors.QueryCanceled):
                raise TimeoutError from error
            raise
        finally:
            self.driver.rollback()
