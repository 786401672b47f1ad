"""Wake-up datagrams: whoever commits work rings, the supervisor listens.

A lost datagram costs at most one poll interval, so every error of sending is ignored.
"""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path


class Notifier:
    """The ringing end. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def notify(self) -> None:
        # Refused, no such socket, or a full queue: the supervisor looks by itself within a second.
        with contextlib.suppress(OSError):
            self._socket.sendto(b"!", self._path)

    def close(self) -> None:
        self._socket.close()


class Listener:
    """The listening end; `fileno` makes it selectable."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(path))

    def fileno(self) -> int:
        return self._socket.fileno()

    def clear(self) -> bool:
        """Whether anybody rang since the last time; one look at the queue answers for all."""
        heard = False
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(16):
                heard = True
        return heard

    def close(self) -> None:
        self._socket.close()
        self._path.unlink(missing_ok=True)
