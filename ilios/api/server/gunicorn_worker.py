"""gunicorn's threaded worker, hardened against clients that are slow or stall.

- A request gets a thread when its head is complete; until then the poller waits.
- Probes, reads and uploads have separate threads, so that none waits for another's clients.
- The main thread does not wait for a client to close its connection.
- A head that the parser refuses is answered with a problem document, like any other error.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from typing import Any

from flask import Flask
from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from ilios.api.server import parse_errors
from ilios.api.server.slow_client_socket import SlowClientSocket
from ilios.api.services import EXTENSION
from ilios.core.telemetry import shared_counters

PROBE_THREADS = 2
PROBES = (b"GET /health ", b"GET /livez ", b"GET /readyz ", b"GET /metrics ")
UPLOADS = (b"POST ", b"PUT ")
SWITCH_SECONDS = 0.0005
"""How long a thread may hold the interpreter lock while others wait (Python's default is ten times
that). A probe takes the lock a dozen times, and would wait each time for a thread that hashes."""
STOP_LINGER_SECONDS = 0.1  #: for requests already on their way when the worker stops
CLOSE_LINGER_SECONDS = 2.0  #: for a client to read the answer: closing at once would reset it
DRAIN_BYTES = 64 * 1024

STATUS = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ParseException: HTTPStatus.BAD_REQUEST,
    OSError: HTTPStatus.BAD_REQUEST,  # chunks that are not what they say
    TimeoutError: HTTPStatus.REQUEST_TIMEOUT,
}


class _SlowClientListener:
    """A listening socket that accepts SlowClientSockets."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self.getsockname = listener.getsockname

    def accept(self) -> tuple[SlowClientSocket, Any]:
        client, address = self._listener.accept()
        return SlowClientSocket(fileno=client.detach()), address


class _Connection(TConn):  # type: ignore[misc]  # gunicorn is untyped
    """A connection whose graceful end is left to the poller."""

    def __init__(self, worker: Worker, client: SlowClientSocket, address: Any, server: Any) -> None:
        super().__init__(worker.cfg, client, address, server)
        self._worker = worker

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self._worker.linger(self.sock)
        else:
            super().close()


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """The worker class of the gunicorn configuration."""

    def init_process(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        self._probes = ThreadPoolExecutor(PROBE_THREADS, thread_name_prefix="probe")
        self._reads = ThreadPoolExecutor(self.cfg.threads, thread_name_prefix="read")
        self._closing: deque[tuple[float, SlowClientSocket]] = deque()
        super().init_process()

    def run(self) -> None:
        super().run()
        # Every answer is sent, or past its grace. A regular exit would take longer than the whole
        # stop, and wait for threads that are stuck.
        logging.shutdown()
        shared_counters.close()
        os._exit(0)

    def accept(self, listener: Any) -> None:
        """Accept a connection; it gets a thread when the head of its first request is complete."""
        try:
            client, address = _SlowClientListener(listener).accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        conn = _Connection(self, client, address, listener.getsockname())
        conn.timeout = time.monotonic() + SlowClientSocket.silence_seconds
        self.pending_conns.append(conn)
        ready = partial(self.on_pending_socket_readable, conn)
        self.poller.register(client, EVENT_READ, ready)

    def on_pending_socket_readable(self, conn: TConn, client: SlowClientSocket) -> None:
        if client.has_whole_head():
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: TConn, client: SlowClientSocket) -> None:
        if client.has_whole_head():
            super().on_client_socket_readable(conn, client)

    def murder_pending(self) -> None:
        """Close connections that have not sent a whole request head in time."""
        now = time.monotonic()
        for conn in self.pending_conns:
            if conn.timeout > now:
                break
            if conn.sock.head:
                self.handle_error(None, conn.sock, conn.client, TimeoutError())
        super().murder_pending()
        while self._closing and self._closing[0][0] < now:
            self._close(self._closing.popleft()[1])

    def linger(self, client: SlowClientSocket) -> None:
        """End our side, and let the poller wait for the client's: gunicorn would block on it."""
        try:
            client.setblocking(False)
            client.shutdown(socket.SHUT_WR)
            self.poller.register(client, EVENT_READ, self._drain)
        except OSError:
            client.close()
        else:
            self._closing.append((time.monotonic() + CLOSE_LINGER_SECONDS, client))

    def enqueue_req(self, conn: TConn) -> None:
        """Submit the request to the threads of its kind."""
        future: Future[Any] = self._threads_for(conn.sock.head).submit(self.handle, conn)
        future.add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        super().finish_request(conn, fs)
        if not self.alive:
            super()._cap_keepalive(time.monotonic() + STOP_LINGER_SECONDS)

    def handle_error(self, _req: Any, client: Any, _addr: Any, exc: Exception) -> None:
        status = next(
            (STATUS[cls] for cls in type(exc).__mro__ if cls in STATUS),
            HTTPStatus.INTERNAL_SERVER_ERROR,
        )
        if status is HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("Error handling request", exc_info=exc)
        with contextlib.suppress(OSError):
            client.settimeout(0)
            client.sendall(parse_errors.problem_answer(status, client.head))

    def _drain(self, client: SlowClientSocket) -> None:
        try:
            left = client.recv(DRAIN_BYTES)
        except BlockingIOError:
            return
        except OSError:
            left = b""
        if not left:
            self._close(client)

    def _close(self, client: SlowClientSocket) -> None:
        with contextlib.suppress(KeyError, ValueError):  # it was closed before
            self.poller.unregister(client)
        client.close()

    def _threads_for(self, head: bytes) -> ThreadPoolExecutor:
        if head.startswith(PROBES):
            return self._probes
        uploads: ThreadPoolExecutor = self.tpool
        return uploads if head.startswith(UPLOADS) else self._reads

    def _cap_keepalive(self, deadline: float) -> None:
        """End waits for results and connections without a request, because the worker stops."""
        app = self.wsgi
        if isinstance(app, Flask):
            app.extensions[EXTENSION].waiter.drain()
        soon = time.monotonic() + STOP_LINGER_SECONDS
        super()._cap_keepalive(min(deadline, soon))
        for conn in self.pending_conns:
            conn.timeout = 0
        self.murder_pending()
