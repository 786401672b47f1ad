"""Small queries, by the hundred a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.engine import Dialect
from sqlalchemy.exc import OperationalError

from ilios.db.driver_session import raise_as_sqlalchemys

OPERATIONS: Final = 10_000  #: of SQLite between two looks at the clock; some ms
_VERSION: Final = "PRAGMA data_version"


class Watch:
    """A connection for queries of some µs each, without a transaction. Not for several threads.

    Also what ilios.db.prepared runs a statement on.
    """

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self.driver = connection
        self.dialect = dialect
        self._seen: int | None = None

    def changed(self) -> bool:
        """Return whether anything was committed since the last call.

        Raises sqlalchemy.exc.DBAPIError, as what is prepared does.
        """
        try:
            before, self._seen = self._seen, self.query(_VERSION)[0][0]
        except self.dialect.loaded_dbapi.Error as error:
            raise_as_sqlalchemys(error, _VERSION, self.dialect)
        return before != self._seen

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return all rows; for a small query SQLAlchemy takes twenty times as long."""
        rows: list[tuple[Any, ...]] = self.driver.execute(sql, parameters).fetchall()
        return rows

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Break off queries that take longer, all together. Raises TimeoutError then."""
        until = time.monotonic() + seconds
        self.driver.set_progress_handler(lambda: time.monotonic() > until, OPERATIONS)
        try:
            yield
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorname", None) == "SQLITE_INTERRUPT":
                raise TimeoutError from error
            raise
        finally:
            self.driver.set_progress_handler(None, OPERATIONS)
