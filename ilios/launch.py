"""The start of the service: migrates, imports what its processes need, and forks its two halves.

Then it becomes `ilios.watch`, which waits for their end: the halves are forks that share what is
imported here, and a process that only waits would hold a copy of all that they have changed.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from multiprocessing.process import BaseProcess
from typing import Final, NoReturn

from ilios import watch
from ilios.core import forks, processes, settings
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.core.telemetry import logs

LAST_WORDS_SECONDS: Final = 5.0  #: beyond the grace of running jobs
REPLICATION_SECONDS: Final = 10.0  #: beyond that, to send what was written last
GUNICORN: Final = ("-c", "python:ilios.api.server.gunicorn_conf", "app:create_app()")


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


def _run(loaded: Settings) -> NoReturn:
    """Migrate, fork the halves and become what watches them; a request to stop waits for that."""
    signal.pthread_sigmask(signal.SIG_BLOCK, watch.SIGNALS)
    _import_all(loaded)
    migration = _start("migration", migrate)
    migration.join()
    if migration.exitcode or signal.sigpending() & {signal.SIGTERM, signal.SIGINT}:
        sys.exit(watch.exit_code(migration.exitcode or 0))
    _require_free(loaded.port)
    seconds = loaded.shutdown_grace_seconds + LAST_WORDS_SECONDS
    if loaded.use_embedded_replica:
        seconds += REPLICATION_SECONDS
    watch.become(_start_halves(), seconds)


def _start_halves() -> list[int]:
    """Return the ids of both. Raises OSError when one cannot be started; then none is left."""
    started = [_start("gunicorn", serve_web).pid or 0]
    try:
        started.append(_start("supervisor", serve_jobs).pid or 0)
    except OSError:
        # Else this process would wait for it before it ends, and deaf to signals.
        processes.signal_group(started[0], signal.SIGTERM)
        raise
    return started


def _start(name: str, target: forks.Target) -> BaseProcess:
    """Start a child in a process group of its own: a Ctrl-C reaches this process alone."""
    return forks.start(target, name, (os.getpid(),), leads_group=True)


def _require_free(port: int) -> None:
    """Look before anything serves: gunicorn looks for itself, but by then the supervisor runs."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return
    raise StartupError(
        f"port {port} is taken by another program: stop it, or set PORT to a free one."
    )


def _import_all(loaded: Settings) -> None:
    """Import what the processes need, also what only one of them does.

    An import writes to memory that is shared: half of it would be copied for what is new.
    """
    gc.disable()  # hardly anything becomes garbage, and each collection goes through all

    import ilios.api.app
    import ilios.api.server.gunicorn_worker
    import ilios.replication.startup
    import ilios.workers.supervisor  # noqa: F401  # they are there for the forks
    from ilios.workers.worker import preload

    preload(loaded)
    gc.freeze()  # a collection in a child would copy the pages of all that it goes through
    gc.enable()


def main() -> NoReturn:
    processes.keep_files_private()
    try:
        loaded = settings.load()
        logs.configure(loaded, "start")
        _run(loaded)
    except StartupError as error:
        logs.refuse_start("start", error.detail)
