"""A session whose transaction is the driver's: statements that are prepared need no ORM.

SQLAlchemy takes longer to open a session, a connection and a transaction, and to end them, than
SQLite takes for a whole unit of work. So a session and its connection are kept for the next unit,
and only one that uses the ORM or a statement that is not prepared pays for SQLAlchemy's own.
"""

from __future__ import annotations

from typing import Any, NoReturn

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session


class DriverSession(Session):
    """Used by one thread at a time; `start`, then `commit` or not, then `close`, and again."""

    def __init__(self, connection: Connection) -> None:
        """Take over an open connection, on which the driver begins no transaction of its own."""
        super().__init__(connection, expire_on_commit=False)
        self._connection = connection
        self.driver: Any = connection.connection.driver_connection
        self.dialect = connection.dialect

    def start(self, kind: str) -> None:
        """Begin a transaction: DEFERRED, or IMMEDIATE to have the write lock at once.

        Raises sqlalchemy.exc.OperationalError, as `commit` does.
        """
        sql = f"BEGIN {kind}"
        try:
            self.driver.execute(sql)
        except self.dialect.loaded_dbapi.Error as error:
            raise_as_sqlalchemys(error, sql, self.dialect)

    def commit(self) -> None:
        """Commit, after what the ORM has not written yet, and let go of all objects."""
        if self.in_transaction():  # the ORM was used: it ends the driver's transaction with its own
            super().commit()
            super().close()
        try:  # what prepared statements wrote: it may have begun one and asked for nothing
            self.driver.commit()
        except self.dialect.loaded_dbapi.Error as error:
            raise_as_sqlalchemys(error, "COMMIT", self.dialect)

    def rollback(self) -> None:
        """Roll back what is not committed, and let go of all objects."""
        if self.in_transaction():
            super().close()
        self.driver.rollback()

    def close(self) -> None:
        """Do as `rollback`: the connection stays open for the next `start`."""
        self.rollback()

    def disconnect(self) -> None:
        """Close the connection, which rolls back too; the session is of no use from then on."""
        self._connection.close()


def raise_as_sqlalchemys(error: BaseException, sql: str, dialect: Dialect) -> NoReturn:
    """Raise SQLAlchemy's error for one of the driver's: who catches it knows only that one."""
    dbapi_error = dialect.loaded_dbapi.Error
    raise DBAPIError.instance(
        sql, None, error, dbapi_error, hide_parameters=True, dialect=dialect
    ) from error
