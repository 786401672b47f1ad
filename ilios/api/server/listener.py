"""A connection to which statuses are sent as they change, without waiting for its client."""

from __future__ import annotations

import select
import socket
import time
from typing import Final

from ilios.api.responses.event_stream import EventStream
from ilios.api.responses.status_events import PING, StatusEvents
from ilios.api.server.slow_client_socket import SlowClientSocket

UNSENT_MAX_BYTES: Final = 16 * 1024  #: kept for a listener; the next status is made after that
SEND_BUFFER_BYTES: Final = 16 * 1024  #: that the kernel holds for it, and doubles for its own
RECEIVED_MAX_BYTES: Final = 64 * 1024  #: from a listener, who has nothing more to say
RECEIVE_BYTES: Final = 4096
COMMENT: Final = b":\n\n"  #: only a client that has left refuses it


class Listener:
    """For one thread. What sends or receives raises OSError when the client has left."""

    __slots__ = (
        "_received",
        "_unsent",
        "_waits_since",
        "begun_at",
        "client",
        "is_half_closed",
        "number",
        "sent_at",
        "sent_bytes",
        "sent_events",
        "stream",
        "watched",
    )

    def __init__(self, client: socket.socket, unsent: bytes, stream: EventStream) -> None:
        """`unsent` is what remains of the head."""
        self.client = client
        self.number = client.fileno()
        self.stream = stream
        self.begun_at = self.sent_at = time.monotonic()
        self.sent_events = self.sent_bytes = 0
        self.is_half_closed = False  #: the client sends nothing more, and may still read
        self.watched: int | None = None  #: what a poll object waits for: see `interest`
        self._unsent = bytearray(unsent)
        self._waits_since = self.begun_at  #: if it is waited for
        self._received = 0

    def prepare(self) -> None:
        """Bound what the kernel keeps for it, and do not have it gather small packets."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def interest(self) -> int:
        """What is to be waited for, in the words of `select.poll`."""
        sending = select.POLLOUT if self._has_more else 0
        return sending if self.is_half_closed else sending | select.POLLIN

    @property
    def is_over(self) -> bool:
        """Whether the final status was sent."""
        return self.stream.is_over and not self._unsent

    def is_slow(self, now: float) -> bool:
        """Return whether its client does not read: many of its kind would fill the memory."""
        is_awaited = bool((self.watched or 0) & select.POLLOUT)
        silent_seconds = now - self._waits_since if is_awaited else 0.0
        is_silent = silent_seconds > SlowClientSocket.send_silence_seconds
        return is_silent or self.stream.follower.is_overrun

    def tell(self, events: StatusEvents) -> None:
        """Send what there is to tell, as far as the client takes it, and at most a buffer of it."""
        while len(self._unsent) < UNSENT_MAX_BYTES and (event := self.stream.next_event(events)):
            self.sent_events += 1
            self._add(event)
        self._flush()

    def ping(self) -> None:
        """Send something, so that proxies and clients keep the connection."""
        if not self._has_more:
            self._add(PING)
            self._flush()

    def receive(self) -> None:
        """Discard what the client sends. Find out whether it still reads if it sends no more."""
        try:
            seen = self.client.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        self._received += len(seen)
        if self._received > RECEIVED_MAX_BYTES:
            raise ConnectionAbortedError
        if not seen:
            self.is_half_closed = True
            self._add(COMMENT)
            self._flush()

    @property
    def _has_more(self) -> bool:
        return bool(self._unsent or self.stream.follower.changed)

    def _add(self, block: bytes) -> None:
        if not self._unsent:
            self._waits_since = time.monotonic()
        self._unsent += block

    def _flush(self) -> None:
        while self._unsent:
            try:
                count = self.client.send(self._unsent)
            except BlockingIOError:
                break
            del self._unsent[:count]
            self.sent_bytes += count
            self.sent_at = self._waits_since = time.monotonic()
