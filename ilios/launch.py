"""The service as a whole: its migration, its two halves, and their end.

Migrates, then serves until a SIGTERM or SIGINT asks it to stop (exit code 0) or one of its halves
ends (non-zero, so that the platform starts it again; the database makes that harmless). What both
halves need is imported once, here: they are forks of this process.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from multiprocessing.process import BaseProcess
from typing import Final, NoReturn

from ilios.core import forks, platform, processes, settings
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.core.telemetry import logs

LAST_WORDS_SECONDS: Final = 5.0  #: beyond the grace of running jobs
REPLICATION_SECONDS: Final = 10.0  #: beyond that, to send what was written last
LOOK_SECONDS: Final = 0.05
SIGNALS_READ: Final = 64  #: at once
SIGNAL_BASE: Final = 128  #: of the exit code for a process that a signal has ended
GUNICORN: Final = ("-c", "python:ilios.api.server.gunicorn_conf", "app:create_app()")

log = logs.get(__name__)


def migrate(_parent: int) -> None:
    """Prepare folders, settings and database; end with a line that says what is wrong with them."""
    from alembic.config import main

    main(["upgrade", "head"])


def serve_web(parent: int) -> None:
    """Be gunicorn."""
    processes.die_with_parent(parent, signal.SIGTERM)
    sys.argv[:] = ["gunicorn", *GUNICORN]
    from gunicorn.app.wsgiapp import run

    run()


def serve_jobs(parent: int) -> None:
    """Be the supervisor."""
    processes.die_with_parent(parent, signal.SIGTERM)
    from ilios.workers import supervisor

    supervisor.main()


class Service:
    """Starts the processes, and ends them together. For one thread."""

    def __init__(self, loaded: Settings) -> None:
        self._settings = loaded
        self._stop_requested = False
        self._halves: dict[BaseProcess, str] = {}  #: by process, what people call it
        self._signalled, self._signal_writer = socket.socketpair()
        self._signal_writer.setblocking(False)
        signal.set_wakeup_fd(self._signal_writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, self._note)

    def run(self) -> int:
        """Return the exit code."""
        migration = self._start("migration", migrate)
        migration.join()
        if migration.exitcode or self._stop_requested:
            return _status(migration)
        _require_free(self._settings.port)
        try:
            self._halves[self._start("gunicorn", serve_web)] = "gunicorn"
            self._halves[self._start("supervisor", serve_jobs)] = "the supervisor"
            return self._wait()
        finally:
            self._end()

    def _note(self, number: int, _frame: object) -> None:
        """Note a signal; the byte that Python writes ends the wait."""
        self._stop_requested |= number != signal.SIGCHLD

    def _start(self, name: str, target: forks.Target) -> BaseProcess:
        """Start a child in a process group of its own: a Ctrl-C reaches this process alone."""
        return forks.start(target, name, (os.getpid(),), leads_group=True)

    def _wait(self) -> int:
        """Wait for a request to stop, and return 0; or for the end of a half: return its status."""
        while not self._stop_requested:
            for half, name in self._halves.items():
                if not half.is_alive():
                    status = _status(half)
                    reason = f"{name} ended with status {status}: stopping the rest."
                    log.error("process.ended", reason=reason)
                    return status or 1
            self._signalled.recv(SIGNALS_READ)
        return 0

    def _end(self) -> None:
        """Stop the halves. Wait as long as jobs and last words may take, then kill what hangs.

        A stopped process, for one, never leaves by itself.
        """
        self._signal_groups(signal.SIGTERM)
        seconds = self._settings.shutdown_grace_seconds + LAST_WORDS_SECONDS
        if self._settings.use_embedded_replica:
            seconds += REPLICATION_SECONDS
        deadline = time.monotonic() + seconds
        while any(_lives(half) for half in self._halves) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        self._signal_groups(signal.SIGKILL)

    def _signal_groups(self, number: signal.Signals) -> None:
        """Signal the halves with their children: of a gunicorn that was killed, those are left."""
        for half in self._halves:
            processes.signal_group(_pid(half), number)


def _lives(half: BaseProcess) -> bool:
    return half.is_alive() or platform.group_lives(_pid(half))


def _pid(started: BaseProcess) -> int:
    assert started.pid is not None  # noqa: S101  # narrows the type
    return started.pid


def _status(ended: BaseProcess) -> int:
    code = ended.exitcode or 0
    return code if code >= 0 else SIGNAL_BASE - code


def _require_free(port: int) -> None:
    """Look before anything serves: gunicorn looks for itself, but by then the supervisor runs."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return
    raise StartupError(
        f"port {port} is taken by another program: stop it, or set PORT to a free one."
    )


def main() -> NoReturn:
    processes.keep_files_private()
    try:
        loaded = settings.load()
        logs.configure(loaded, "start")
        service = Service(loaded)
        _import_shared(loaded)
        sys.exit(service.run())
    except StartupError as error:
        logs.refuse_start("start", error.detail)


def _import_shared(loaded: Settings) -> None:
    """Import what more than one of the processes needs."""
    import ilios.documents.lifecycle
    import ilios.documents.submission
    import ilios.operations.heartbeat
    import ilios.replication.startup  # noqa: F401  # they are there for the forks
    from ilios.storage import opening

    opening.preload(loaded)
    gc.freeze()  # a collection in a child would copy the pages of all that it goes through
