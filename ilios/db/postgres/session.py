"""Sessions on PostgreSQL: the same as on SQLite, but for how a transaction begins."""

from __future__ import annotations

from select import POLLIN, poll
from typing import Final

from sqlalchemy import Connection

from ilios.core import clock
from ilios.db.driver_session import DriverSession, raise_as_sqlalchemys
from ilios.db.postgres.driver import TransactionStatus, psycopg

_MOMENT: Final = "SELECT clock_timestamp()"


class PostgresSession(DriverSession):
    """Begins with one packet, which brings the time of the database too."""

    def __init__(self, connection: Connection, settings: str = "") -> None:
        """Take over an open connection, and execute what is set for as long as it is open.

        Raises sqlalchemy.exc.DatabaseError.
        """
        super().__init__(connection)
        try:
            if settings:
                self.driver.execute(settings, prepare=False)
        except psycopg.Error as error:
            self.disconnect()
            raise_as_sqlalchemys(error, settings, self.dialect)

    def start(self, kind: str) -> None:
        """Begin a transaction: `kind` is what follows BEGIN, and further statements.

        From then on ilios.core.clock follows the database's clock.
        """
        packet = f"BEGIN {kind}{_MOMENT}"
        try:
            cursor = self.driver.execute(packet, prepare=False)
            while cursor.nextset():
                pass
            clock.follow(cursor.fetchone()[0])
        except psycopg.Error as error:
            raise_as_sqlalchemys(error, packet, self.dialect)

    def commit(self) -> None:
        """Commit. Raises sqlalchemy.exc.OperationalError also for what a commit would roll back.

        The server does that, and calls it no error, where an error of a statement was caught.
        """
        if self.driver.info.transaction_status == TransactionStatus.INERROR:
            failed = psycopg.errors.InFailedSqlTransaction("a statement of it had failed")
            raise_as_sqlalchemys(failed, "COMMIT", self.dialect)
        super().commit()

    def disconnect(self) -> None:
        """Close the connection at once: on one that has broken off, nothing can be rolled back."""
        self._connection.invalidate()
        super().disconnect()

    @property
    def is_dead(self) -> bool:
        """Whether the server has closed the connection, or it has broken off before."""
        return bool(self.driver.closed or self.driver.broken) or _has_ended(self.driver.fileno())


def _has_ended(descriptor: int) -> bool:
    """Return whether something came in while nothing was asked: that is the end, or its reason."""
    poller = poll()
    poller.register(descriptor, POLLIN)
    return bool(poller.poll(0))
