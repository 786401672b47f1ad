"""The thread of a web process that has all listeners: no request's thread waits for a status.

It asks ten times a second whether anything was committed, as ilios.documents.waiting does for
requests that wait; then one look finds what has changed for all of them. It waits for no client:
what one does not take is kept, up to a bound, and a client that reads nothing for long is let go.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from enum import StrEnum
from queue import SimpleQueue
from socket import socket
from typing import Any, ClassVar, Final

from sqlalchemy.exc import SQLAlchemyError

from ilios.api.responses.event_stream import EventStream
from ilios.api.responses.status_events import StatusEvents
from ilios.api.server.listener import Listener
from ilios.api.services import EXTENSION, Services
from ilios.core import clock
from ilios.core.errors import DatabaseBusy
from ilios.core.telemetry import logs
from ilios.core.telemetry.metrics import HTTP_LISTENERS
from ilios.db.watch import Watch
from ilios.documents.following import Following

log = logs.get(__name__)

LOOK_SECONDS: Final = 0.1  #: between two questions whether anything was committed
LOOK_SHARE: Final = 20  #: looks, and telling of what they find, take one in so many seconds
SWEEP_SECONDS: Final = 0.5  #: between two looks at clients that do not read, or hear nothing
RETRY_SECONDS: Final = 0.25  #: after which a database that did not answer is asked again
STOP_SECONDS: Final = 1.0  #: for which a stop waits until all connections are closed
MILLISECONDS_PER_SECOND: Final = 1000
WAKE_UPS_READ: Final = 4096
DATABASE_FAILS: Final = (SQLAlchemyError, DatabaseBusy)


class End(StrEnum):
    """Why a listener's connection is closed."""

    FINAL = "final"  #: the last status was told
    LEFT = "left"  #: by its client
    SLOW = "slow"  #: its client does not read
    EXPIRED = "expired"  #: after `lifetime_seconds`: a client comes back with its key
    STOPPED = "stopped"  #: with the process
    FAILED = "failed"  #: by a fault of ours


class Listeners:
    """Takes connections from other threads, and serves them in one of its own."""

    ping_seconds: ClassVar[float] = 15.0  #: without an event
    lifetime_seconds: ClassVar[float] = 3600.0

    def __init__(self, app: Any) -> None:
        """Start nothing yet: that is for the first listener to do."""
        self._app = app
        self._arriving: SimpleQueue[Listener] = SimpleQueue()
        self._listeners: dict[int, Listener] = {}  #: by descriptor
        self._following = Following()
        self._poll = select.poll()
        self._next_sweep = 0.0
        self._is_stopping = False
        self.failures = 0  #: of the database to answer
        self._thread: threading.Thread | None = None
        HTTP_LISTENERS.set(0)  # a process that was killed may have left its count

    def __len__(self) -> int:
        return len(self._listeners)

    def add(self, client: socket, unsent: bytes, stream: EventStream) -> None:
        """Serve a connection from now on; `unsent` is what remains of its head. For the poller."""
        if self._is_stopping:
            client.close()
            stream.close()
            return
        self._arriving.put(Listener(client, unsent, stream))
        if self._thread is None:
            self._start()
        self._wake()

    def drain(self) -> None:
        """Close all connections, because the process stops: their clients connect anew."""
        self._is_stopping = True
        if self._thread is not None:
            self._wake()
            self._thread.join(STOP_SECONDS)

    def _start(self) -> None:
        self._wake_reader, self._wake_writer = os.pipe()
        for end in (self._wake_reader, self._wake_writer):
            os.set_blocking(end, False)
        self._poll.register(self._wake_reader, select.POLLIN)
        self._services: Services = self._app.extensions[EXTENSION]
        self._events = StatusEvents(self._app)
        self._thread = threading.Thread(target=self._run, name="listeners", daemon=True)
        self._thread.start()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writer, b"\0")

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                with self._services.database.watching() as watch:
                    self._serve(watch)
            except Exception:
                log.exception("listeners.failed")
                self.failures += 1
                time.sleep(RETRY_SECONDS)
        self._welcome()
        for listener in list(self._listeners.values()):
            self._end(listener, End.STOPPED)

    def _serve(self, watch: Watch) -> None:
        """Serve until the process stops. Raise what a database that does not answer raises."""
        next_look = 0.0
        while not self._is_stopping:
            self._await_clients(next_look)
            self._welcome()
            now = time.monotonic()
            if now >= self._next_sweep:
                self._next_sweep = now + SWEEP_SECONDS
                self._sweep(now)
            if self._listeners and now >= next_look:
                began = time.thread_time()
                self._look(watch)
                took = time.thread_time() - began
                next_look = time.monotonic() + max(LOOK_SECONDS, LOOK_SHARE * took)

    def _await_clients(self, next_look: float) -> None:
        """Do what clients make possible or necessary, until it is time for something else."""
        timeout = None
        if self._listeners:
            until = min(next_look, self._next_sweep)
            timeout = max(0.0, until - time.monotonic()) * MILLISECONDS_PER_SECOND
        for number, events in self._poll.poll(timeout):
            if number == self._wake_reader:
                os.read(self._wake_reader, WAKE_UPS_READ)
            elif number in self._listeners:
                self._serve_client(self._listeners[number], events)

    def _welcome(self) -> None:
        while not self._arriving.empty():
            listener = self._arriving.get()
            self._listeners[listener.number] = listener
            self._following.add(listener.stream.follower)
            HTTP_LISTENERS.set(len(self))
            try:
                listener.prepare()
            except OSError:
                self._end(listener, End.LEFT)
            else:
                self._serve_client(listener, select.POLLOUT)

    def _serve_client(self, listener: Listener, events: int) -> None:
        """Receive from a client and send to it, as far as it goes."""
        if events & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
            self._end(listener, End.LEFT)
            return
        try:
            if events & select.POLLIN:
                listener.receive()
            if events & select.POLLOUT:
                listener.tell(self._events)
        except OSError:
            self._end(listener, End.LEFT)
        except DATABASE_FAILS:
            raise
        except Exception:
            log.exception("listener.failed")
            self._end(listener, End.FAILED)
        else:
            self._go_on_with(listener)

    def _go_on_with(self, listener: Listener) -> None:
        if listener.is_over:
            self._end(listener, End.FINAL)
        elif listener.interest != listener.watched:
            listener.watched = listener.interest
            self._poll.register(listener.number, listener.watched)

    def _look(self, watch: Watch) -> None:
        """Tell of what has changed, if anything has, or if somebody is new."""
        if not (watch.changed() or self._following.is_look_due):
            return
        self._events.forget()
        self._following.look(watch, clock.now())
        for listener in list(self._listeners.values()):
            if listener.stream.follower.changed:
                self._serve_client(listener, select.POLLOUT)

    def _sweep(self, now: float) -> None:
        for listener in list(self._listeners.values()):
            if listener.is_slow(now):
                self._end(listener, End.SLOW)
            elif now - listener.begun_at >= self.lifetime_seconds:
                self._end(listener, End.EXPIRED)
            elif now - listener.sent_at >= self.ping_seconds:
                self._ping(listener)

    def _ping(self, listener: Listener) -> None:
        try:
            listener.ping()
        except OSError:
            self._end(listener, End.LEFT)
        else:
            self._go_on_with(listener)

    def _end(self, listener: Listener, why: End) -> None:
        del self._listeners[listener.number]
        HTTP_LISTENERS.set(len(self))
        self._following.remove(listener.stream.follower)
        if listener.watched is not None:
            self._poll.unregister(listener.number)
        listener.client.close()
        listener.stream.close()
        origin = listener.stream.origin
        log.info(
            "listener.ended",
            reason=why.value,
            subject=listener.stream.follower.subject.kind.value,
            seconds=round(time.monotonic() - listener.begun_at, 1),
            events=listener.sent_events,
            bytes=listener.sent_bytes,
            request_id=origin.request_id,
            trace_id=origin.trace_id,
        )
