"""A client's connection, from its first request to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gunicorn.workers.gthread import TConn

from ilios.api.responses.event_stream import EventStream
from ilios.api.server.answer import Answer
from ilios.api.server.callers import NO_KEY
from ilios.api.server.slow_client_socket import SlowClientSocket

REFUSALS_MAX: Final = 8
"""Errors in a row that a caller without a key gets on one connection.

Hundreds of requests behind one another would take the processor from others, for nothing.
"""


class Connection(TConn):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn's connection, whose graceful end is left to the poller: gunicorn would block."""

    def __init__(
        self,
        cfg: Any,
        client: SlowClientSocket,
        address: Any,
        server: Any,
        linger: Callable[[SlowClientSocket], None],
    ) -> None:
        """`linger` ends our side, and waits for the client's."""
        super().__init__(cfg, client, address, server)
        self._linger = linger
        self.answer: Answer | None = None  #: the one that is being sent
        self.stream: EventStream | None = None  #: for which a listener waits, once it has begun
        self.owner = NO_KEY  #: of the last answer
        self.key = NO_KEY  #: of the request that is run
        self.caller = NO_KEY  #: who brought it
        self.is_kept = False  #: after the answer
        self._refusals = 0  #: in a row

    @property
    def send_deadline(self) -> float:
        return self.sock.send_deadline  # type: ignore[no-any-return]  # gunicorn is untyped

    def has_enough_of(self, answer: Answer) -> bool:
        """Return whether this answer, which has begun, is to be the last one."""
        self._refusals = self._refusals + 1 if answer.is_refusal else 0
        return self._refusals >= REFUSALS_MAX

    def close(self, graceful: bool = False) -> None:
        if graceful and not self.sock.is_unfinished:
            self._linger(self.sock)
        else:
            super().close()
