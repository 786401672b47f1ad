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
from contextlib import suppress
from functools import cache
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Final, NoReturn

from ilios import watch
from ilios.core import forks, processes, settings
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db import migrations

if TYPE_CHECKING:  # imported where the service is known to start
    from flask import Flask
    from gunicorn.app.wsgiapp import WSGIApplication

LAST_WORDS_SECONDS: Final = 5.0  #: beyond the grace of running jobs
REPLICATION_SECONDS: Final = 10.0  #: beyond that, to send what was written last
GUNICORN: Final = ("-c", "python:ilios.api.server.gunicorn_conf", "ilios.launch:application()")


def migrate(_parent: int) -> None:
    """Prepare folders, settings and database; end with a line that says what is wrong with them."""
    migrations.upgrade()


@cache
def application() -> Flask:
    """Return the application, which is built once, for the forks of the process that does so.

    Raises StartupError.
    """
    from ilios.api import app

    loaded = settings.load()
    logs.configure(loaded, "web")
    return app.build(loaded)


@cache
def web_server() -> WSGIApplication:
    """Return gunicorn, whose configuration is read once, for the fork that is to run it."""
    from gunicorn.app.wsgiapp import WSGIApplication

    sys.argv[:] = ["gunicorn", *GUNICORN]
    return WSGIApplication()


def serve_web(parent: int) -> None:
    """Be gunicorn."""
    processes.die_with_parent(parent, signal.SIGTERM)
    web_server().run()


def serve_jobs(parent: int, loaded: Settings) -> None:
    """Be the supervisor."""
    processes.die_with_parent(parent, signal.SIGTERM)
    from ilios.workers import supervisor

    supervisor.main(loaded)


def _run(loaded: Settings) -> NoReturn:
    """Migrate, fork the halves and become what watches them; a request to stop waits for that."""
    signal.pthread_sigmask(signal.SIG_BLOCK, watch.SIGNALS)
    gc.disable()  # hardly anything becomes garbage, and each collection goes through all
    _import_all(loaded)
    migration = _start("migration", migrate)
    migration.join()
    if migration.exitcode or signal.sigpending() & {signal.SIGTERM, signal.SIGINT}:
        sys.exit(watch.exit_code(migration.exitcode or 0))
    _require_free(loaded.port)
    _prepare(loaded)
    gc.freeze()  # a collection in a child would copy the pages of all that it goes through
    gc.enable()
    seconds = loaded.shutdown_grace_seconds + LAST_WORDS_SECONDS
    if loaded.use_embedded_replica:
        seconds += REPLICATION_SECONDS
    watch.become(_start_halves(loaded), seconds)


def _prepare(loaded: Settings) -> None:
    """Make once what each process would make for itself, in memory that it does not share."""
    from ilios.db.opening import open_database

    application()
    web_server()
    with suppress(Exception):  # a process that cannot open it will say why
        database = open_database(loaded)
        with database.reading():
            pass  # SQLAlchemy looks at its driver at the first connection
        database.close()


def _start_halves(loaded: Settings) -> list[int]:
    """Return the ids of both. Raises OSError when one cannot be started; then none is left."""
    started = [_start("gunicorn", serve_web).pid or 0]
    try:
        started.append(_start("supervisor", serve_jobs, loaded).pid or 0)
    except OSError:
        # Else this process would wait for it before it ends, and deaf to signals.
        processes.signal_group(started[0], signal.SIGTERM)
        raise
    return started


def _start(name: str, target: forks.Target, *args: object) -> BaseProcess:
    """Start a child in a process group of its own: a Ctrl-C reaches this process alone."""
    return forks.start(target, name, (os.getpid(), *args), leads_group=True)


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

    import encodings.idna  # noqa: F401  # codec of the host that a request names

    import ilios.api.app
    import ilios.api.server.gunicorn_worker
    import ilios.replication.startup
    import ilios.workers.supervisor  # noqa: F401  # they are there for the forks
    from ilios.db.opening import compile_statements
    from ilios.workers.worker import preload

    preload(loaded)
    compile_statements(loaded)
    logs.preload()


def main() -> NoReturn:
    processes.keep_files_private()
    try:
        loaded = settings.load()
        logs.configure(loaded, "start")
        _run(loaded)
    except StartupError as error:
        logs.refuse_start("start", error.detail)
