"""Small queries, by the hundred a second."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Dialect


class Watch:
    """A connection for queries of some µs each, without a transaction. Not for several threads.

    Also what ilios.db.prepared runs a statement on.
    """

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self.driver = connection
        self.dialect = dialect
        self._seen: int | None = None

    def changed(self) -> bool:
        """Return whether anything was committed since the last call."""
        before, self._seen = self._seen, self.query("PRAGMA data_version")[0][0]
        return before != self._seen

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return all rows; for a small query SQLAlchemy takes twenty times as long."""
        rows: list[tuple[Any, ...]] = self.driver.execute(sql, parameters).fetchall()
        return rows
