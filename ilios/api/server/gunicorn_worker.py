"""gunicorn's threaded worker, hardened against clients that are slow or stall.

- A request gets a thread when its head is complete; until then the poller waits.
- Probes, reads and uploads have separate threads, so that none waits for another's clients. Which
  ones a request gets is seen from its own head, also where several come on one connection.
- `/livez` needs no thread: the poller answers a few at a time.
- No thread waits for a client to read an answer, to send a body that nobody wants, or to close its
  connection: the poller does. Nor for what listeners are to be told: one thread has them all.
- Where connections are short, the oldest idle one makes room.
- A head that the parser refuses is answered with a problem document, like any other error.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from collections import deque
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

from flask import Flask
from gunicorn.workers.gthread import TConn, ThreadWorker

from ilios.api.server import parse_errors, request_kinds, slow_client_socket
from ilios.api.server.answer import Answer
from ilios.api.server.callers import NO_KEY, Callers, key_of
from ilios.api.server.connection import Connection
from ilios.api.server.fair_threads import FairThreads
from ilios.api.server.lingering import Lingering
from ilios.api.server.listeners import Listeners
from ilios.api.server.poller_calls import PollerCalls
from ilios.api.server.request_threads import RequestThreads
from ilios.api.server.senders import Senders
from ilios.api.server.slow_client_socket import HEAD_END, HEAD_MAX_BYTES, SlowClientSocket
from ilios.api.services import EXTENSION
from ilios.core.computing import ComputingPlaces
from ilios.core.platform import give_back_memory, raise_descriptor_limit
from ilios.core.telemetry import shared_counters, trace_sending
from ilios.core.thread_pool import ThreadPool

ANSWERED_HERE_MAX = 8  #: requests that the poller answers itself, between two looks at the others
STOP_LINGER_SECONDS = 0.1  #: for requests already on their way when the worker stops
SWEEP_SECONDS = 0.25  #: between two looks at clients that do not read, or do not leave
HEARTBEAT_SECONDS = 0.5  #: between two signs of life for gunicorn's arbiter, which waits for long
CALM_SECONDS = 10.0  #: without a request, after which free memory goes back to the system
NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """The worker class of the gunicorn configuration."""

    def init_process(self) -> None:
        raise_descriptor_limit()
        # gunicorn reads twenty settings for each request, through a dictionary of objects.
        self.cfg.__dict__.update({name: getattr(self.cfg, name) for name in self.cfg.settings})
        self._threads = RequestThreads(self.cfg.threads)
        self._callers = Callers()
        self._computing = ComputingPlaces()
        self._senders: Senders[Connection] = Senders()
        self._next_sweep = 0.0
        self._next_heartbeat = 0.0
        self._answered_here = 0  #: requests, since the poller has looked last
        self.method_queue = PollerCalls()
        self._calm_at: float | None = None  #: when free memory is given back
        super().init_process()

    def get_thread_pool(self) -> ThreadPool:
        return self._threads.uploads.pool

    def run(self) -> None:
        self._lingering = Lingering(self.poller)
        self._listeners = Listeners(self.wsgi)
        super().run()
        # Every answer is sent, or past its grace. A regular exit would take longer than the whole
        # stop, and wait for threads that are stuck.
        trace_sending.stop()
        logging.shutdown()
        shared_counters.close()
        os._exit(0)

    def notify(self) -> None:
        """Tell the arbiter that this process is alive; not for every event."""
        now = time.monotonic()
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + HEARTBEAT_SECONDS
            super().notify()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept also beyond the limit, as long as there is an idle connection to close for it."""
        idle = self.pending_conns or self.keepalived_conns
        super().set_accept_enabled(enabled or bool(self.alive and idle))

    def accept(self, listener: Any) -> None:
        """Accept a connection; it gets a thread when the head of its first request is complete."""
        try:
            client, address = slow_client_socket.accept_from(listener)
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in NO_DESCRIPTOR:
                raise
            self._close_oldest_idle()
            return
        if self.nr_conns >= self.worker_connections:
            self._close_oldest_idle()
        self.nr_conns += 1
        conn = Connection(self.cfg, client, address, listener.getsockname(), self._lingering.add)
        conn.timeout = time.monotonic() + SlowClientSocket.silence_seconds
        self.pending_conns.append(conn)
        ready = partial(self.on_pending_socket_readable, conn)
        self.poller.register(client, EVENT_READ, ready)

    def wait_for_and_dispatch_events(self, timeout: float | None) -> None:
        """Run what is due; not for connections that were closed since to make room for others."""
        self._answered_here = 0
        for key, _ in self.poller.select(timeout):
            if self.poller.get_map().get(key.fd) is key:
                key.data(key.fileobj)

    def on_pending_socket_readable(self, conn: TConn, client: SlowClientSocket) -> None:
        if client.has_whole_head():
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: TConn, client: SlowClientSocket) -> None:
        if client.has_whole_head():
            super().on_client_socket_readable(conn, client)

    def murder_pending(self) -> None:
        """Close connections that have not sent a whole request head, or read an answer, in time."""
        now = time.monotonic()
        for conn in self.pending_conns:
            if conn.timeout > now:
                break
            if conn.sock.head:
                self.handle_error(None, conn.sock, conn.client, TimeoutError())
        super().murder_pending()
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_SECONDS
            for conn in self._senders.overdue(now):
                self._give_up(conn)
            self._lingering.close_overdue(now)
            if self._calm_at is not None and now >= self._calm_at:
                self._calm_at = None
                give_back_memory()

    def enqueue_req(self, conn: TConn) -> None:
        """Submit the request, or the rest of its answer, to the threads of its kind."""
        if conn.answer is None:
            is_short = request_kinds.asks_for_life(conn.sock.head)
            if is_short and self._answered_here < ANSWERED_HERE_MAX:
                self._answered_here += 1
                conn.is_kept = self.handle(conn)
                self._go_on_with(conn)
                return
            conn.key = key_of(conn.sock.head)
            conn.caller = self._callers.of(conn.key)
        threads = self._threads.of(conn.sock.head, has_begun=conn.answer is not None)
        threads.submit(conn.caller, partial(self._begin, conn, threads))

    def _begin(self, conn: TConn, threads: FairThreads) -> None:
        threads.pool.run(partial(self._run, conn, threads))

    def _run(self, conn: TConn, threads: FairThreads) -> None:
        """Handle a request in a thread of its kind, and have the poller go on with it."""
        is_patient = self._threads.are_patient(threads)
        conn.is_kept = False
        try:
            conn.is_kept = self._handle_in_turn(conn) if is_patient else self.handle(conn)
        finally:
            self.method_queue.defer(self._finish, conn, threads)

    def _finish(self, conn: TConn, threads: FairThreads) -> None:
        """Go on with a connection whose thread is done with it, for now."""
        threads.release(conn.caller)
        if self._threads.are_patient(threads):
            self._calm_at = time.monotonic() + CALM_SECONDS
        if conn.owner != NO_KEY:
            self._callers.know(conn.key)
        self._go_on_with(conn)

    def _go_on_with(self, conn: TConn) -> None:
        try:
            self._proceed(conn)
        except Exception:  # the worker serves the other connections
            self.log.exception("Error handling connection")
            self._discard(conn)

    def _handle_in_turn(self, conn: TConn) -> Any:
        with self._computing.held(conn.caller):
            return self.handle(conn)

    def handle(self, conn: TConn) -> Any:
        """Answer a request, or go on with its answer; return whether the connection is kept."""
        if conn.answer is not None:
            with contextlib.suppress(OSError, StopIteration):
                return self._go_on(conn)
            return False
        if len(conn.sock.head) == HEAD_MAX_BYTES and HEAD_END not in conn.sock.head:
            self.handle_error(None, conn.sock, conn.client, parse_errors.too_long(conn.sock.head))
            return False
        return super().handle(conn)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Have the application answer, and send what the client takes now."""
        answer = Answer(req, conn, self.log.access)
        if not self.alive or len(self.keepalived_conns) >= self.max_keepalived:
            answer.response.force_close()
        conn.answer = answer
        self.nr += 1
        return self._go_on(conn)

    def handle_error(self, _req: Any, client: Any, _addr: Any, exc: Exception) -> None:
        status = parse_errors.status_of(exc)
        if status is HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("Error handling request", exc_info=exc)
        with contextlib.suppress(OSError):
            client.sendall(parse_errors.problem_answer(status, client.head, self.wsgi))
            client.flush()

    def _go_on(self, conn: TConn) -> bool:
        """Send more of an answer; it is at its end when the connection has none any more."""
        answer: Answer = conn.answer
        try:
            self._send_on(conn, answer)
        except OSError:
            raise
        except Exception:
            if not answer.response.headers_sent:
                raise
            self.log.exception("Error handling request")
            raise StopIteration from None  # as gunicorn does: no second answer after a part of one
        return not answer.response.should_close()

    def _send_on(self, conn: TConn, answer: Answer) -> None:
        is_over = True
        try:
            if not answer.has_begun:
                answer.ask(self.wsgi)
                conn.owner = answer.owner
                if conn.has_enough_of(answer):
                    answer.response.force_close()
            is_over = answer.send()
            if is_over:
                conn.stream = answer.take_stream()
        finally:
            if is_over:
                conn.answer = None
                answer.end()

    def _keepalive_after(self, _conn: TConn, keepalive: bool) -> bool:
        """Return it as it is: of the body, nothing is left to be waited for."""
        return keepalive

    def _proceed(self, conn: TConn) -> None:
        """Wait for the client to read, go on with the answer, or end or keep the connection."""
        client: SlowClientSocket = conn.sock
        if conn.stream is not None:  # no thread has it from now on, nor the poller
            self._listeners.add(*client.give_away(), conn.stream)
            self.nr_conns -= 1
        elif client.unsent_bytes:
            self._await_reader(conn)
        elif conn.answer is not None:
            self.enqueue_req(conn)
        elif conn.is_kept:
            self._await_request(conn)
        else:
            self.nr_conns -= 1
            conn.close(graceful=True)

    def _await_reader(self, conn: TConn) -> None:
        try:
            conn.sock.setblocking(False)
            conn.sock.begin_to_wait()
            self.poller.register(conn.sock, EVENT_WRITE, partial(self._on_writable, conn))
        except (OSError, ValueError):  # it is closed
            self._discard(conn)
            return
        self._senders.add(conn)
        while (slowest := self._senders.surplus()) is not None:
            self._give_up(slowest)

    def _on_writable(self, conn: TConn, client: SlowClientSocket) -> None:
        try:
            is_sent = client.flush()
        except OSError:
            self._give_up(conn)
            return
        if is_sent:
            self.poller.unregister(client)
            self._senders.remove(conn)
            self._proceed(conn)

    def _give_up(self, conn: TConn) -> None:
        """Close the connection of a client that does not read."""
        self.poller.unregister(conn.sock)
        self._senders.remove(conn)
        self._discard(conn)

    def _discard(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()
        if conn.answer is not None:
            self._threads.reads.pool.run(conn.answer.end)
        if conn.stream is not None:
            conn.stream.close()

    def _await_request(self, conn: TConn) -> None:
        """Wait for the next request of the connection, of which a part may be here already."""
        client: SlowClientSocket = conn.sock
        client.setblocking(False)
        if client.put_back(conn.parser.unreader.take_buffered()) and client.has_whole_head():
            self.enqueue_req(conn)
            return
        conn.set_timeout()
        self.keepalived_conns.append(conn)
        ready = partial(self.on_client_socket_readable, conn)
        self.poller.register(client, EVENT_READ, ready)
        if not self.alive:
            super()._cap_keepalive(time.monotonic() + STOP_LINGER_SECONDS)

    def _close_oldest_idle(self) -> None:
        """Close the connection that has waited longest for a request, of the more frequent kind."""
        idle: deque[TConn] = max(self.pending_conns, self.keepalived_conns, key=len)
        if not idle:
            return
        conn = idle.popleft()
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """End waits for results and connections without a request, because the worker stops."""
        app = self.wsgi
        if isinstance(app, Flask):
            app.extensions[EXTENSION].waiter.drain()
        self._listeners.drain()
        soon = time.monotonic() + STOP_LINGER_SECONDS
        super()._cap_keepalive(min(deadline, soon))
        for conn in self.pending_conns:
            conn.timeout = 0
        self.murder_pending()
