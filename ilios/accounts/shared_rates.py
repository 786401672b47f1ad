"""Rate limits of a cluster: as ilios.accounts.rate_limits, for the web processes of all nodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from sqlalchemy import BigInteger, Integer, Text, bindparam, column, func, select
from sqlalchemy.exc import SQLAlchemyError

from ilios.accounts.rate_limits import WINDOW_NS, WINDOW_SECONDS, Rate
from ilios.core.errors import DatabaseBusy
from ilios.core.telemetry import logs
from ilios.db.database import Database
from ilios.db.prepared import Prepared

log = logs.get(__name__)

SECOND_NS: Final = 10**9
_FOUND: Final = ("remaining", "is_allowed", "reset_ns")
_COUNT = Prepared(
    select(*map(column, _FOUND)).select_from(
        func.ilios_count_request(  # see ilios.db.postgres.request_rates
            bindparam("of_key", type_=Text()),
            bindparam("of_quota", type_=Integer()),
            bindparam("window_ns", type_=BigInteger()),
            bindparam("given_ns", type_=BigInteger()),
        ).table_valued(*_FOUND)
    )
)


class SharedRates:
    """Counts requests in the database, by its clock; safe to share between threads."""

    def __init__(self, database: Database, now_ns: Callable[[], int | None] = lambda: None) -> None:
        """`now_ns` is another clock than the database's."""
        self._database = database
        self._now_ns = now_ns

    def count(self, key_id: str, quota: int) -> Rate:
        """Count a request if it is within the quota; one that is refused does not count.

        While the database does not answer, requests are allowed: they will say so themselves.
        """
        try:
            with self._database.watching() as watch:
                found = _COUNT.first(
                    watch,
                    of_key=key_id,
                    of_quota=quota,
                    window_ns=WINDOW_NS,
                    given_ns=self._now_ns(),
                )
        except (SQLAlchemyError, DatabaseBusy) as error:
            log.warning("rate.not_counted", key_id=key_id, reason=type(error).__name__)
            found = None
        if found is None:
            return Rate(quota, quota, is_allowed=True, reset_seconds=WINDOW_SECONDS)
        remaining, is_allowed, reset_ns = found
        return Rate(quota, remaining, is_allowed, math.ceil(reset_ns / SECOND_NS))
