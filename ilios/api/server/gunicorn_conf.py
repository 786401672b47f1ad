"""Configure gunicorn.

Started by `gunicorn -c python:ilios.api.server.gunicorn_conf 'app:create_app()'`.
"""

from __future__ import annotations

import errno
import gc
import socket
from typing import Any

from ilios.api.middleware.access_log import GunicornLog
from ilios.api.server import parse_errors, startup
from ilios.api.server.slow_client_socket import CONNECTIONS_MAX
from ilios.core import data_folder, settings
from ilios.core.errors import StartupError
from ilios.core.platform import SHARED_MEMORY
from ilios.core.processes import keep_files_private, lock_file
from ilios.core.telemetry import logs, shared_counters, trace_sending
from ilios.documents import uploads

LOCK_WAIT_SECONDS = 3.0  #: for the workers of an arbiter that was killed


try:
    _settings = settings.load()
    trace_sending.preload(_settings)
except StartupError as error:
    startup.end(error.detail)
logs.configure(_settings, "web")
keep_files_private()

bind = f"0.0.0.0:{_settings.port}"
workers = _settings.web_concurrency
threads = _settings.web_threads
worker_class = "ilios.api.server.gunicorn_worker.Worker"
worker_connections = CONNECTIONS_MAX
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None  #: a heartbeat file
preload_app = True  # workers share the memory of what was imported; nothing is opened before
control_socket_disable = True
graceful_timeout = _settings.shutdown_grace_seconds
timeout = 60  #: seconds without a heartbeat of a worker's main thread, which only polls
keepalive = 15
limit_request_line = parse_errors.REQUEST_LINE_MAX_BYTES
limit_request_fields = parse_errors.HEADERS_MAX
limit_request_field_size = parse_errors.HEADER_MAX_BYTES
logger_class = GunicornLog
loglevel = _settings.log_level.lower()


def on_starting(_server: object) -> None:
    """Check the port and lock the data folder, then remove what a dead process left."""
    try:
        with socket.create_server(("0.0.0.0", _settings.port)):  # noqa: S104  # as gunicorn binds
            pass
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            startup.end(
                f"PORT {_settings.port} cannot be used ({error.strerror}): set PORT to another."
            )
        startup.end(
            f"PORT {_settings.port} is in use by another process: stop that one, "
            "or set PORT to a free port."
        )
    _lock_data_folder()
    data_folder.empty(data_folder.uploads(_settings))
    data_folder.empty(data_folder.spool(_settings))
    data_folder.empty(data_folder.page_images(_settings))
    shared_counters.share(*data_folder.metrics(_settings))


def when_ready(_server: object) -> None:
    """Exempt what was imported from garbage collection, before the workers are forked.

    A full collection would stop every request for a tenth of a second and copy the shared pages.
    """
    gc.freeze()


def post_worker_init(_worker: object) -> None:
    """Send the spans of a worker, which forks no more, and say that a cluster's node lives."""
    trace_sending.start(_settings, "web")
    if _settings.database_url is not None:
        from ilios.api.server.node_beats import NodeBeats  # a single node has no use for it

        NodeBeats(_settings).start()


def on_exit(_server: object) -> None:
    """Say to the other nodes that this one ends."""
    if _settings.database_url is not None:
        from ilios.api.server import node_beats

        node_beats.leave(_settings)


def child_exit(_server: object, worker: Any) -> None:
    """Remove the unfinished uploads of a worker, which may have been killed."""
    uploads.remove_those_of(data_folder.uploads(_settings), worker.pid)


def _lock_data_folder() -> None:
    """Lock the data folder; workers inherit the lock, and the last to end releases it."""
    data_folder.prepare(_settings)
    try:
        lock_file(data_folder.web_lock(_settings), LOCK_WAIT_SECONDS)
    except BlockingIOError:
        startup.end(
            f"Another service works in {_settings.data_folder}: stop it, or give this one "
            "a DATA_DIR of its own."
        )
