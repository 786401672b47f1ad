"""The signs of life of a web node: one of its processes gives them, in a thread that waits."""

from __future__ import annotations

import os
import threading
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ilios.cluster import membership, nodes
from ilios.cluster.kinds import WEB
from ilios.cluster.nodes import BEAT_SECONDS, Said
from ilios.core import clock, data_folder
from ilios.core.errors import DatabaseBusy
from ilios.core.processes import lock_file
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db.database import SHORT_TIMEOUT, Scope
from ilios.db.opening import open_database

log = logs.get(__name__)

_SAYS_NOTHING_MORE: Final = Said()  #: it holds nothing that others could take


class NodeBeats:
    """Says that this node lives, while no other process of it does."""

    def __init__(self, settings: Settings) -> None:
        self._node = membership.identity(settings, WEB)
        self._database = open_database(settings, SHORT_TIMEOUT)
        self._lock_path = data_folder.web_node_lock(settings)
        self._lock: int | None = None
        self._stopped = threading.Event()
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="node", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Say no more; another process of the node goes on."""
        self._stopped.set()
        self._thread.join()
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def beat(self) -> None:
        """Give a sign of life, if no other process does. Raises the errors of the database."""
        if self._lock is None:
            try:
                self._lock = lock_file(self._lock_path, 0)
            except BlockingIOError:
                return
        with self._database.writing(Scope.ROWS) as session:
            now = clock.now()
            nodes.say(session, self._node, _SAYS_NOTHING_MORE, now)

    def _run(self) -> None:
        while True:
            try:
                self.beat()
                self._is_failing = False
            except (SQLAlchemyError, DatabaseBusy, OSError) as error:
                if not self._is_failing:  # until it succeeds again
                    log.warning("node.silent", reason=type(error).__name__)
                self._is_failing = True
            if self._stopped.wait(BEAT_SECONDS):
                return


def leave(settings: Settings) -> None:
    """Say that this node ends; without a database that answers, it falls silent by itself."""
    database = open_database(settings, SHORT_TIMEOUT)
    try:
        membership.leave(database, membership.identity(settings, WEB))
    except (SQLAlchemyError, DatabaseBusy) as error:
        log.warning("node.silent", reason=type(error).__name__)
    finally:
        database.close()
