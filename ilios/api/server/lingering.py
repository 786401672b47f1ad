"""Connections that were answered, and are closed when the client has read that.

Closing at once, with bytes of the client still on their way, would reset the connection: the
client, or a proxy before it, might lose the answer.
"""

from __future__ import annotations

import contextlib
import socket
import time
from selectors import EVENT_READ, BaseSelector

from ilios.api.server.slow_client_socket import SlowClientSocket

CLOSE_SILENCE_SECONDS = 2.0  #: without a byte from the client
CLOSE_LINGER_SECONDS = 30.0  #: for a client that sends on, and reads only then
LINGERING_MAX = 512  #: connections of a web process; beyond that, the oldest is closed
DRAIN_BYTES = 64 * 1024  #: that are discarded at once


class Lingering:
    """Those connections, the oldest first. For the poller only: it takes no lock."""

    def __init__(self, poller: BaseSelector) -> None:
        self._poller = poller
        self._begun: dict[SlowClientSocket, float] = {}
        self._heard: dict[SlowClientSocket, float] = {}

    def __len__(self) -> int:
        return len(self._begun)

    def add(self, client: SlowClientSocket) -> None:
        """End our side, and wait for the client to end its own."""
        try:
            client.setblocking(False)
            client.reset_on_close(False)
            client.shutdown(socket.SHUT_WR)
            self._poller.register(client, EVENT_READ, self._drain)
        except (OSError, ValueError):
            client.close()
            return
        self._begun[client] = self._heard[client] = time.monotonic()
        if len(self) > LINGERING_MAX:
            self._close(next(iter(self._begun)))

    def close_overdue(self, now: float) -> None:
        """Close those whose client says nothing more, or does not come to an end."""
        for client, begun in list(self._begun.items()):
            silent = now - self._heard[client] > CLOSE_SILENCE_SECONDS
            if silent or now - begun > CLOSE_LINGER_SECONDS:
                self._close(client)

    def _drain(self, client: SlowClientSocket) -> None:
        try:
            left = socket.socket.recv(client, DRAIN_BYTES)
        except BlockingIOError:
            return
        except OSError:
            left = b""
        if left:
            self._heard[client] = time.monotonic()
        else:
            self._close(client)

    def _close(self, client: SlowClientSocket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._poller.unregister(client)
        del self._begun[client], self._heard[client]
        client.close()
