"""Client sockets with a limit on waiting: slow clients are served, stalled ones time out.

gunicorn's threads read from the socket, so a client that stops sending would hold its thread for
ever. Every wait is charged to a budget of seconds, which the bytes that arrive refill.
"""

from __future__ import annotations

import socket
import time
from typing import Any, ClassVar

HEAD_END = b"\r\n\r\n"
PEEK_BYTES = 64 * 1024  #: more than the header fields that gunicorn accepts in a usual request


class SlowClientSocket(socket.socket):
    """A connected client, whose request head is collected without holding a thread.

    `recv` raises TimeoutError when the client is silent for `silence_seconds`, or stays below
    `bytes_per_second` on the whole.
    """

    silence_seconds: ClassVar[float] = 20.0
    bytes_per_second: ClassVar[float] = 4096.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.head = b""  #: the first bytes of the current request
        self._collected = b""
        self._wait_budget_seconds = self.silence_seconds

    def setblocking(self, flag: bool) -> None:
        """Set our timeout for blocking; gunicorn calls this at the start of each request."""
        self.settimeout(self.silence_seconds if flag else 0)
        self._wait_budget_seconds = self.silence_seconds

    def has_whole_head(self) -> bool:
        """Return whether a whole request head, or the end, can be read without waiting.

        For the poller. It takes the bytes of an incomplete head from the socket, else they would
        wake it again and again.
        """
        try:
            seen = super().recv(PEEK_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True  # the thread that reads gets the error
        self.head = (self._collected + seen)[:PEEK_BYTES]
        if not seen or HEAD_END in self.head or len(self.head) == PEEK_BYTES:
            return True
        self._collected += super().recv(len(seen))
        return False

    def recv(self, size: int, flags: int = 0) -> bytes:
        if self._collected:
            block, self._collected = self._collected[:size], self._collected[size:]
            return block
        if self._wait_budget_seconds <= 0:
            raise TimeoutError("the client is too slow")
        begun = time.monotonic()
        block = super().recv(size, flags)
        waited = time.monotonic() - begun
        self._wait_budget_seconds += len(block) / self.bytes_per_second - waited
        return block
