"""The upkeep of the full-text index, and of what deletions and passwords leave, by the workers.

No request or job waits for it. Each step is a short transaction, and a process may be killed after
any of them: what is left to do stands in the database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

from ilios.core.disk_space import DiskReserve
from ilios.core.telemetry import logs
from ilios.db import search_backfill, search_index
from ilios.db.database import Database
from ilios.db.driver_session import DriverSession, raise_as_sqlalchemys
from ilios.documents import indexing, passwords, removal
from ilios.documents.pacing import Pause, Step, in_turns

log = logs.get(__name__)

STEP_DOCUMENTS: Final = 500  #: looked at by a step that lists what was there before the index
STEP_BLOCKS: Final = 50  #: of names, made by a step
STEP_CHARACTERS: Final = 128 * 1024  #: indexed by a step, which takes about 20 ms
STEP_PAGES: Final = 200  #: of the index, merged by a step: about 1 MiB, and 20 ms
STEP_PASSWORDS: Final = 500  #: noted by a step as gone from the log
STEP_ROWS: Final = 200  #: of an index that was set aside, deleted by a step: about 1 MiB
ROUND_SECONDS: Final = 8.0  #: of one run; the next one continues


class Upkeep:
    """Runs one round at a time; several processes may do so at once, and are slower for it."""

    def __init__(
        self,
        database: Database,
        disk_reserve: DiskReserve,
        pause: Pause = time.sleep,
    ) -> None:
        self._database = database
        self._disk_reserve = disk_reserve
        self._pause = pause
        self._is_running = threading.Lock()

    def run(self, seconds: float = ROUND_SECONDS) -> bool:
        """Do what is due, for so many seconds at most; return whether all is done.

        On a disk that is short of room nothing is added to the index.
        """
        if not self._is_running.acquire(blocking=False):
            return False
        try:
            return in_turns(self._steps(), time.monotonic() + seconds, self._pause)
        finally:
            self._is_running.release()

    def index_entered(self) -> None:
        """Index what was entered once that is as much as a step takes.

        A search would read it page by page, and the transaction that completes one document too
        many would index it.
        """
        if self._database.is_remote:
            return  # what is entered there is indexed
        with self._database.watching() as watch:
            waiting = indexing.extent(watch).waiting
        if waiting >= STEP_CHARACTERS and not self._disk_reserve.fault():
            self._index_entered()

    def _steps(self) -> Iterator[Step]:
        """Yield the kinds of steps, none of which waits until another has no more to do."""
        yield self._delete_pages
        yield self._rebuild
        if self._database.is_remote:
            yield self._fill_remote
            yield self._tidy
            return
        if not self._disk_reserve.fault():
            yield self._index_entered
            yield self._pack_names
            yield self._fill
        yield self._empty_log
        yield self._drain  # the last, for it breaks on a damaged file

    def _rebuild(self) -> bool:
        with self._database.watching() as watch:
            if not indexing.progress(watch).is_malformed:
                return False
        with self._session() as session:
            if not indexing.progress(session).is_malformed:
                return False  # another process has done it meanwhile
            _index_of(self._database).remake(session.driver)
        log.info("search.begun_anew")
        return False

    def _drain(self) -> bool:
        with self._database.watching() as watch:
            if not search_index.has_old(watch.driver):
                return False
        with self._session() as session:
            return search_index.drain(session.driver, STEP_ROWS)

    def _delete_pages(self) -> bool:
        """Delete pages of long documents that their DELETE has left, or a process that died."""
        with self._database.watching() as watch:
            document_id = removal.next_with_pages_to_delete(watch)
        if document_id is None:
            return False
        with self._database.writing() as session:
            removal.delete_pages(session, document_id)
        return True

    def _empty_log(self) -> bool:
        """Empty the write-ahead log of sealed passwords; where readers prevent it, the next time.

        What is forgotten meanwhile is noted with a round of its own.
        """
        with self._database.watching() as watch:
            left = passwords.left_in_log(watch, STEP_PASSWORDS)
        if not left or not self._database.truncate_wal():
            return False
        with self._database.writing() as session:
            passwords.note_gone(session, left)
        return len(left) == STEP_PASSWORDS

    def _index_entered(self) -> bool:
        """Index what was entered, once a round: many together take less time than one by one."""
        with self._database.watching() as watch:
            if not indexing.extent(watch).waiting:
                return False
        with self._database.writing() as session:
            indexing.index_entered(session)
        return False

    def _pack_names(self) -> bool:
        if not self._is_due(search_index.NAMES):
            return False
        with self._session() as session:
            return search_backfill.pack_names(session, STEP_BLOCKS)

    def _fill(self) -> bool:
        """Add what waits: in order, so once all is listed, and once what was added is merged.

        A search goes through all parts that are not.
        """
        return self._list() or self._merge() or self._index()

    def _fill_remote(self) -> bool:
        """Add what waits to an index that PostgreSQL keeps in order by itself."""
        return self._list() or self._index()

    def _tidy(self) -> bool:
        with self._database.watching() as watch:
            _index_of_postgres().tidy(watch.driver)
        return False

    def _list(self) -> bool:
        if not self._is_due(search_index.DOCUMENTS):
            return False
        with self._database.writing() as session:
            return search_backfill.list_documents(session, STEP_DOCUMENTS)

    def _merge(self) -> bool:
        with self._database.watching() as watch:
            newest = indexing.to_merge(watch)
            is_due = indexing.rewrite_is_due(watch)
        if newest is None and not is_due:
            return False
        with self._session() as session:
            if newest is not None:
                search_index.merge(session.driver, STEP_PAGES, newest)
            else:
                search_index.begin_rewrite(session.driver)
        return True

    def _index(self) -> bool:
        with self._database.watching() as watch:
            if not indexing.progress(watch).left:
                return False
        with self._database.writing() as session:
            is_more = indexing.add_pending(session, STEP_CHARACTERS)
        if not is_more:
            log.info("search.indexed")
        return is_more

    def _is_due(self, what: str) -> bool:
        with self._database.watching() as watch:
            return search_backfill.is_due(watch, what)

    @contextmanager
    def _session(self) -> Iterator[DriverSession]:
        """Open a write transaction for what uses the driver's connection."""
        with self._database.writing() as session:
            try:
                yield session
            except self._database.driver_error as error:
                raise_as_sqlalchemys(error, "", session.dialect)


def _index_of(database: Database) -> ModuleType:
    return _index_of_postgres() if database.is_remote else search_index


def _index_of_postgres() -> ModuleType:
    from ilios.db.postgres import search_index as of_postgres  # SQLite has no use for it

    return of_postgres
