"""Sockets of clients: patient with the slow, not with those that never finish.

gunicorn's threads read from the socket, so a client that stops sending would hold its thread for
ever. Here every wait for it is charged to a budget that what it sends refills.
"""

from __future__ import annotations

import socket
import time
from typing import Any, ClassVar

HEAD_END = b"\r\n\r\n"
PEEK_BYTES = 64 * 1024  #: more than the header fields that gunicorn accepts in a usual request


class SlowClientSocket(socket.socket):
    """A connected client, whose request head is gathered without holding a thread.

    `recv` raises TimeoutError when the client is silent for `silence_seconds`, or stays below
    `bytes_per_second` on the whole.
    """

    silence_seconds: ClassVar[float] = 20.0
    bytes_per_second: ClassVar[float] = 4096.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.head = b""  #: how the present request begins
        self._gathered = b""
        self._patience_seconds = self.silence_seconds

    def setblocking(self, flag: bool) -> None:
        """Blocking means: with our timeout. gunicorn says so at the start of each request."""
        self.settimeout(self.silence_seconds if flag else 0)
        self._patience_seconds = self.silence_seconds

    def head_is_here(self) -> bool:
        """Whether a whole request head, or the end of the connection, can be read without waiting.

        For the poller: takes what is there of a head that is not complete, else it would be woken
        for the same bytes again and again.
        """
        try:
            seen = super().recv(PEEK_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True  # the thread that reads finds out
        self.head = (self._gathered + seen)[:PEEK_BYTES]
        if not seen or HEAD_END in self.head or len(self.head) == PEEK_BYTES:
            return True
        self._gathered += super().recv(len(seen))
        return False

    def recv(self, size: int, flags: int = 0) -> bytes:
        if self._gathered:
            block, self._gathered = self._gathered[:size], self._gathered[size:]
            return block
        if self._patience_seconds <= 0:
            raise TimeoutError("the client is too slow")
        begun = time.monotonic()
        block = super().recv(size, flags)
        waited = time.monotonic() - begun
        self._patience_seconds += len(block) / self.bytes_per_second - waited
        return block
