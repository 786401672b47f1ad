"""Transactions at once: one is held open while another one comes as far as it gets."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeVar

from ilios.db.database import Database, Scope
from ilios.db.driver_session import DriverSession
from ilios.db.postgres.schema import WRITERS
from ilios.db.prepared import Prepared
from tests.support.waiting import wait_until

T = TypeVar("T")

TIMEOUT_S: Final = 30.0
_WAITING: Final = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def held_up(thread: ThreadPoolExecutor, database: Database, act: Callable[[], T]) -> Future[T]:
    """Run `act` in another thread until it waits for a lock; it goes on when that is released."""
    future = thread.submit(act)
    wait_until(lambda: future.done() or _is_waiting(database), timeout_s=TIMEOUT_S)
    assert not future.done(), f"it has waited for nothing: {future.exception() or future.result()}"
    return future


@contextmanager
def apart(database: Database) -> Iterator[tuple[DriverSession, DriverSession]]:
    """Open two transactions whose connections add to rows of their own in tables of sums."""
    with ExitStack() as stack:
        opened: dict[int, DriverSession] = {}  #: by that row
        while len(opened) < 2:
            session = stack.enter_context(database.writing(Scope.ROWS))
            opened.setdefault(session.driver.info.backend_pid % WRITERS, session)
        one, other = opened.values()
        yield one, other


def without_lock(prepared: Prepared) -> Prepared:
    """Return a statement that locks no rows, to show what would happen then."""
    statement: Any = copy.copy(prepared._statement)
    statement._for_update_arg = None
    return Prepared(statement)


def _is_waiting(database: Database) -> bool:
    with database.watching() as watch:
        return bool(watch.driver.execute(_WAITING).fetchone()[0])
