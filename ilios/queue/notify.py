"""Wake-ups: sent after work is committed, received by supervisors.

A lost one costs at most one poll interval, so every error of sending is ignored. On one host they
are datagrams; with PostgreSQL they come through the database, to the supervisors of all hosts.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database

if TYPE_CHECKING:
    from ilios.db.postgres.listening import PostgresListener

PAUSE_SECONDS: Final = 0.005
"""Between two wake-ups through the database: supervisors claim no more often while jobs run."""


class Notifier:
    """Wakes the supervisor; safe to share between threads, and by forks: it holds no socket."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def notify(self) -> None:
        """Send a wake-up."""
        # Refused, no such socket, or a full queue: the supervisor polls within a second.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.setblocking(False)
            sender.sendto(b"!", self._path)


class RemoteNotifier(Notifier):
    """Wakes the supervisors of all hosts, through what they share.

    Of threads that come while one sends, or soon after, the first sends for all of them.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self._mutex = threading.Lock()
        self._sending = threading.Lock()
        self._sent_at = float("-inf")
        self._has_next = False  #: somebody is going to send, and has not begun

    def notify(self) -> None:
        with self._mutex:
            if self._has_next:
                return
            self._has_next = True
        with self._sending:
            time.sleep(max(0.0, self._sent_at + PAUSE_SECONDS - time.monotonic()))
            with self._mutex:
                self._has_next = False
            self._sent_at = time.monotonic()
            self._notify()


class Listener:
    """Receives wake-ups; `fileno` makes it selectable."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(path))

    def fileno(self) -> int:
        return self._socket.fileno()

    def clear(self) -> bool:
        """Take all wake-ups; return whether there was any."""
        heard = False
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(16):
                heard = True
        return heard

    def close(self) -> None:
        self._socket.close()
        self._path.unlink(missing_ok=True)


def open_notifier(settings: Settings, database: Database) -> Notifier:
    """Return what wakes whoever may work for this database."""
    if not database.is_remote:
        return Notifier(data_folder.wake_socket(settings))
    from ilios.db.postgres import listening

    return RemoteNotifier(partial(listening.notify, database))


def open_listener(settings: Settings) -> Listener | PostgresListener:
    """Return what a supervisor hears wake-ups by."""
    if settings.server_url is None:
        return Listener(data_folder.wake_socket(settings))
    from ilios.db.postgres.listening import PostgresListener

    return PostgresListener(settings.server_url.get_secret_value())
