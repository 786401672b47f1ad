"""An answer that is sent in pieces, by whichever thread has its turn."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from gunicorn.http import wsgi

from ilios.api.middleware.access_log import ENVIRON_KEY, Access
from ilios.api.responses.event_stream import EventStream
from ilios.api.server import request_kinds
from ilios.api.server.callers import NO_KEY
from ilios.api.server.slow_client_socket import SEND_BLOCK_BYTES

TURN_SECONDS: Final = 0.05  #: in which a thread makes and sends a part of an answer

Log = Callable[[Any, Any, Any, Any], None]


class _Response(wsgi.Response):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn's response, which writes the date of its head once a second."""

    def default_headers(self) -> list[str]:
        major, minor = self.req.version
        head = [
            f"HTTP/{major}.{minor} {self.status}\r\n",
            f"Server: {self.version}\r\n",
            f"Date: {_http_date(int(time.time()))}\r\n",
            f"Connection: {'close' if self.should_close() else 'keep-alive'}\r\n",
        ]
        return [*head, "Transfer-Encoding: chunked\r\n"] if self.chunked else head


@lru_cache(maxsize=1)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


class Answer:
    """What one request is answered with; the client's reading is not waited for.

    The application runs in a context of its own, since later pieces may come from another thread.
    """

    def __init__(self, request: Any, connection: Any, log: Log) -> None:
        """Raise UnsupportedTransferCoding."""
        request_kinds.require_plain_chunks(request)
        self._begun = datetime.now()  # noqa: DTZ005  # gunicorn's log wants the difference only
        self._request = request
        self._client = connection.sock
        self._log = log
        self._context = contextvars.copy_context()
        self._blocks: Iterable[bytes] = ()
        self._pieces: Iterator[bytes] | None = None
        self.response, self._environ = wsgi.create(
            request,
            connection.sock,
            connection.client,
            connection.server,
            connection.cfg,
            response_class=_Response,
        )
        self._environ["wsgi.multithread"] = True

    @property
    def owner(self) -> str:
        """Whose answer it is."""
        access: Access | None = self._environ.get(ENVIRON_KEY)
        return (access and access.owner) or NO_KEY

    @property
    def is_refusal(self) -> bool:
        """Whether a caller without a key gets an error."""
        status: int | None = self.response.status_code
        return self.owner == NO_KEY and (status or 0) >= HTTPStatus.BAD_REQUEST

    @property
    def has_begun(self) -> bool:
        """Whether the application has been asked."""
        return self._pieces is not None

    def ask(self, app: Any) -> None:
        """Have the application answer; nothing is sent yet.

        The connection is closed after the answer if the body of the request was not read.
        """
        self._blocks = self._context.run(app, self._environ, self.response.start_response)
        if not request_kinds.has_read_body(self._request, self._client):
            self.response.force_close()
        if isinstance(self._blocks, EventStream):
            self._pieces = self._begin_stream(self._blocks)
            return
        if isinstance(self._blocks, wsgi.FileWrapper):
            self._blocks.blksize = SEND_BLOCK_BYTES
        self._pieces = _pieces(self._blocks)
        response = self.response
        if response.response_length is None and not response.chunked and response.should_close():
            # The client takes the close for the end: a part must not look like the whole.
            self._client.is_unfinished = True
            self._client.reset_on_close(True)

    def send(self) -> bool:
        """Send what the client takes now, for at most TURN_SECONDS.

        Return whether the whole answer is on its way.
        """
        return self._context.run(self._send)

    def take_stream(self) -> EventStream | None:
        """Return the stream that goes on where this answer has ended, if it is the begin of one."""
        if not isinstance(self._blocks, EventStream):
            return None
        stream, self._blocks = self._blocks, ()
        return stream

    def end(self) -> None:
        """Write the line of the access log, and close what the answer was read from."""
        self._context.run(self._end)

    def _begin_stream(self, stream: EventStream) -> Iterator[bytes]:
        """Return what a stream begins with; a close is its end, in both versions of HTTP."""
        self.response.chunked = False
        self.response.force_close()
        return iter((stream.begin,))

    def _send(self) -> bool:
        ends = time.monotonic() + TURN_SECONDS
        for piece in self._pieces or ():
            self.response.write(piece)
            if self._client.unsent_bytes >= SEND_BLOCK_BYTES or time.monotonic() > ends:
                return False
        self.response.close()
        self._client.is_unfinished = False
        self._client.flush()
        return True

    def _end(self) -> None:
        took = datetime.now() - self._begun  # noqa: DTZ005
        self._log(self.response, self._request, self._environ, took)
        close = getattr(self._blocks, "close", None)
        if close is not None:
            close()


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut blocks that are large: a copy of one is made while it is sent."""
    for block in blocks:
        for start in range(0, len(block), SEND_BLOCK_BYTES):
            yield block[start : start + SEND_BLOCK_BYTES]
