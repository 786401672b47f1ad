"""Wake-up datagrams: sent after work is committed, received by the supervisor.

A lost datagram costs at most one poll interval, so every error of sending is ignored.
"""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path


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
