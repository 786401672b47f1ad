"""Client sockets with a limit on waiting: slow clients are served, stalled ones time out.

gunicorn's threads read from the socket, so a client that stops sending would hold its thread for
ever: every wait is charged to a budget of seconds, which the bytes that arrive refill. No thread
waits for a client to read: what the client does not take is kept here, and the poller sends it.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from typing import Any, ClassVar

from ilios.core import computing

CONNECTIONS_MAX = 2000  #: of a web process; beyond that, the oldest idle one makes room
HEAD_END = b"\r\n\r\n"
HEAD_MAX_BYTES = 64 * 1024  #: of a request line and its header fields together
HEAD_SEEN_BYTES = 4096  #: of a head that is looked at first: the rest mostly belongs to a body
SEND_BUFFER_BYTES = 128 * 1024  #: that the kernel holds for a client, which doubles it for its own
SEND_BLOCK_BYTES = 64 * 1024  #: with so much kept here, a sender looks whether the client reads
MILLISECONDS_PER_SECOND = 1000
ANSWER_BEGIN = b"HTTP/1."  #: of every answer, in both versions


class SlowClientSocket(socket.socket):
    """A connected client, whose request head is collected without holding a thread.

    `recv` raises TimeoutError when the client is silent for `silence_seconds`, or stays below
    `bytes_per_second` on the whole. `sendall` never waits: see `flush` and `send_deadline`.
    """

    silence_seconds: ClassVar[float] = 20.0
    bytes_per_second: ClassVar[float] = 4096.0
    send_silence_seconds: ClassVar[float] = 30.0
    send_bytes_per_second: ClassVar[float] = 4096.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        super().settimeout(
            0
        )  # for good: changing it is a system call, which other threads wait for
        self._timeout = 0.0
        self.head = b""  #: the first bytes of the request that is read next
        self.is_unfinished = False  #: an answer whose end only a close can show
        self._collected = b""
        self._unsent = bytearray()
        self._sent_ahead = 0  #: bytes of the next answer's begin that the client has already
        self._wait_budget_seconds = self.silence_seconds
        self._send_budget_seconds = self.send_silence_seconds
        self._send_wait_begun = 0.0

    def setblocking(self, flag: bool) -> None:
        """Set our timeout for blocking; gunicorn calls this at the start of each request."""
        self._timeout = self.silence_seconds if flag else 0
        self._wait_budget_seconds = self.silence_seconds

    def settimeout(self, value: float | None) -> None:
        """Set how long `recv` waits, in seconds; None stands for `silence_seconds`."""
        self._timeout = self.silence_seconds if value is None else value

    def gettimeout(self) -> float:
        return self._timeout

    def has_whole_head(self) -> bool:
        """Return whether a whole request head, or the end, can be read without waiting.

        Also when the head is longer than HEAD_MAX_BYTES. For the poller: it takes the bytes of an
        incomplete head from the socket, else they would wake it again and again.
        """
        try:
            seen = super().recv(HEAD_SEEN_BYTES, socket.MSG_PEEK)
            if len(seen) == HEAD_SEEN_BYTES and HEAD_END not in seen:
                seen = super().recv(HEAD_MAX_BYTES, socket.MSG_PEEK)
            self.head = (self._collected + seen)[:HEAD_MAX_BYTES]
            if not seen or self._head_has_ended():
                return True
            self._collected += super().recv(len(seen))
        except BlockingIOError:
            self.head = self._collected[:HEAD_MAX_BYTES]
            return self._head_has_ended()
        except OSError:
            return True  # the thread that reads gets the error
        return False

    def put_back(self, read_ahead: bytes) -> bool:
        """Take back what was read beyond the end of a request: the next one begins with it.

        Return whether there is anything of it.
        """
        self._collected = read_ahead + self._collected
        return bool(self._collected)

    def recv(self, size: int, flags: int = 0) -> bytes:  # noqa: ARG002  # as socket has it
        if self._collected:
            block, self._collected = self._collected[:size], self._collected[size:]
            return block
        if self._wait_budget_seconds <= 0:
            raise TimeoutError("the client is too slow")
        begun = time.monotonic()
        try:
            block = os.read(self.fileno(), size)
        except BlockingIOError:
            if not self._timeout:
                raise
            with computing.waiting():
                self._await_bytes()
            block = os.read(self.fileno(), size)
        waited = time.monotonic() - begun
        self._wait_budget_seconds += len(block) / self.bytes_per_second - waited
        return block

    def sendall(self, block: Any, flags: int = 0) -> None:  # noqa: ARG002  # as socket has it
        """Keep the bytes for `flush`; send a part at once where they would become many."""
        if self._sent_ahead:
            skipped = min(self._sent_ahead, len(block))
            self._sent_ahead -= skipped
            block = block[skipped:]
        self._unsent += block
        if len(self._unsent) >= SEND_BLOCK_BYTES:
            self.flush()

    def send(self, block: Any, flags: int = 0) -> int:  # noqa: ARG002  # as socket has it
        """Send what cannot wait for the answer: that the body may come."""
        self.sendall(block)
        self.flush()
        return len(block)

    @property
    def unsent_bytes(self) -> int:
        """How many bytes are kept for the client."""
        return len(self._unsent)

    def flush(self) -> bool:
        """Send what the client takes now, without waiting. Return whether nothing is left."""
        sent = 0
        while self._unsent:
            try:
                # Not `send`, which waits as long as the timeout for reading allows.
                count = os.write(self.fileno(), self._unsent)
            except BlockingIOError:
                break
            del self._unsent[:count]
            sent += count
        self._earn(sent / self.send_bytes_per_second)
        return not self._unsent

    def reset_on_close(self, flag: bool) -> None:
        """Have a close break the connection off, also one by the kernel when the process dies."""
        self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", flag, 0))

    def begin_to_wait(self) -> None:
        """Start to charge the client for the time in which it reads nothing."""
        self._send_wait_begun = time.monotonic()

    @property
    def send_deadline(self) -> float:
        """The monotonic time at which a client that reads nothing more is given up."""
        return self._send_wait_begun + self._send_budget_seconds

    def give_away(self) -> tuple[socket.socket, bytes]:
        """Return the connection as a plain socket, and what is still to be sent: it is not ours."""
        unsent = bytes(self._unsent)
        plain = socket.socket(self.family, self.type, self.proto, fileno=self.detach())
        plain.setblocking(False)
        return plain, unsent

    def has_left(self) -> bool:
        """Return whether the client has closed its connection while it waits for an answer.

        The end of what it sends looks the same whether it still reads or not. What every answer
        begins with is sent then, which only a client that has left refuses.
        """
        # A socket with a timeout would wait for something to read, so ask first whether there is.
        state = select.poll()
        state.register(self, select.POLLIN)
        events = dict(state.poll(0)).get(self.fileno(), 0)
        if not events & select.POLLIN:
            return bool(events)
        try:
            seen = super().recv(1, socket.MSG_PEEK)
        except OSError:
            return True
        if events & ~select.POLLIN:  # the end was sent, and then refused what we sent
            return True
        if not seen and not self._sent_ahead:
            self.send(ANSWER_BEGIN)
            self._sent_ahead = len(ANSWER_BEGIN)
        return False

    def _await_bytes(self) -> None:
        state = select.poll()
        state.register(self, select.POLLIN)
        if not state.poll(self._timeout * MILLISECONDS_PER_SECOND):
            raise TimeoutError("the client is silent")

    def _head_has_ended(self) -> bool:
        return HEAD_END in self.head or len(self.head) == HEAD_MAX_BYTES

    def _earn(self, seconds: float) -> None:
        """Add to the budget what was sent, and charge it for the wait until now."""
        if self._send_wait_begun:
            now = time.monotonic()
            seconds += self._send_wait_begun - now
            self._send_wait_begun = now if self._unsent else 0.0
        self._send_budget_seconds = min(
            self._send_budget_seconds + seconds, self.send_silence_seconds
        )


def accept_from(listener: socket.socket) -> tuple[SlowClientSocket, Any]:
    """Accept a connection; return it with the address of its client. Raise what `accept` does."""
    client, address = listener.accept()
    slow = SlowClientSocket(fileno=client.detach())
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    return slow, address
