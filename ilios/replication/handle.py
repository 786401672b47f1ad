"""The supervisor's handle on the replicator: start, restart, read its status, end it."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

from ilios.core import forks
from ilios.core.backoff import delay_seconds
from ilios.core.pipes import wait
from ilios.core.processes import InheritedDescriptor
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, metrics
from ilios.replication import replicator
from ilios.replication.messages import Finish, ReplicatorStatus

log = logs.get(__name__)

RESTART_BASE_SECONDS: Final = 0.5  #: doubles with each death that soon follows a start
RESTART_MAX_SECONDS: Final = 30.0
STABLE_SECONDS: Final = 60.0
SILENT_SECONDS: Final = 120.0  #: it reports with each request, which may take 35 s
LAST_PUSH_SECONDS: Final = 10.0  #: after the workers have stopped
FINISH_POLL_SECONDS: Final = 1.0


class ReplicatorHandle:
    """Does nothing when replication is off. For the supervisor's one thread only.

    Nothing but `finish` waits.
    """

    def __init__(self, settings: Settings, node: str, lock: InheritedDescriptor) -> None:
        self._settings = settings
        self._node = node
        self._lock = lock
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._start_at = 0.0
        self._started_at = self._heard_at = 0.0
        self._quick_deaths = 0
        #: What it last reported; None when replication is off.
        self.status: ReplicatorStatus | None = None
        if settings.use_embedded_replica:
            self.status = ReplicatorStatus("starting", 0, time.monotonic())

    def supervise(self) -> None:
        """Start the process when it is due, read its status, and restart it when it has ended."""
        if not self._settings.use_embedded_replica:
            return
        if self._process is None and time.monotonic() >= self._start_at:
            self._start()
        self.listen()
        if self._process and time.monotonic() - self._heard_at > SILENT_SECONDS:
            log.error("replicator.stuck")
            self._process.kill()

    def sources(self) -> list[Connection | int]:
        """Return what to wait on for its reports and its end; empty when it does not run."""
        if self._process is None or self._pipe is None:
            return []
        return [self._pipe, self._process.sentinel]

    def listen(self) -> None:
        """Read what it has reported, and whether it has ended."""
        if self._process is None or self._pipe is None:
            return
        is_alive = self._process.is_alive()  # asked first, so that its last reports are read
        try:
            while self._pipe.poll():
                self.status = self._pipe.recv()
                self._heard_at = time.monotonic()
        except (EOFError, OSError):
            is_alive = False
        if not is_alive:
            self._schedule_restart()

    def finish(self, in_between: Callable[[], None]) -> None:
        """Let it send what the workers wrote last; the rest is sent after the next start.

        `in_between` is called at least once a second.
        """
        deadline = time.monotonic() + LAST_PUSH_SECONDS
        self.stop()
        while (left := self.sources()) and time.monotonic() < deadline:
            in_between()
            wait(left, FINISH_POLL_SECONDS)
            self.listen()

    def stop(self) -> None:
        """Ask for a last round, after which it ends; see `sources`."""
        try:
            if self._pipe is not None:
                self._pipe.send(Finish())
        except OSError:
            log.warning("replicator.pipe_closed")

    def reap(self) -> int | None:
        """End the process and return its exit code. What it has not sent stays in the log."""
        if self._process is None or self._pipe is None:
            return None
        self._process.kill()
        self._process.join()
        exit_code = self._process.exitcode
        self._pipe.close()
        self._process = self._pipe = None
        return exit_code

    def _start(self) -> None:
        self._pipe, child_end = multiprocessing.Pipe()
        self._started_at = self._heard_at = time.monotonic()
        try:
            self._process = forks.start(
                replicator.main,
                "replicator",
                (child_end, self._settings, self._node, os.getpid(), self._lock),
                kept=(child_end.fileno(), self._lock.number),
            )
        except OSError as error:  # no process, no memory, no descriptor: that may pass
            log.warning("replicator.cannot_start", reason=str(error))
            self._pipe.close()
            self._pipe = None
            self._start_at = time.monotonic() + RESTART_MAX_SECONDS
        else:
            log.info("replicator.started", replicator_pid=self._process.pid)
        finally:
            child_end.close()  # else recv() never sees EOF when it dies

    def _schedule_restart(self) -> None:
        exit_code = self.reap()
        metrics.WORKER_RESTARTS.labels("replicator").inc()
        was_stable = time.monotonic() - self._started_at > STABLE_SECONDS
        self._quick_deaths = 0 if was_stable else self._quick_deaths + 1
        self._start_at = time.monotonic() + restart_delay(self._quick_deaths)
        log.warning("replicator.ended", exit_code=exit_code)


def restart_delay(quick_deaths: int) -> float:
    """Return the seconds before a restart: 0.5, 1, 2, 4 … 30, by deaths in a row."""
    return delay_seconds(quick_deaths, RESTART_BASE_SECONDS, RESTART_MAX_SECONDS)
