"""`/metrics` of a worker node, whose counts no web process has: METRICS_PORT, if it is set.

Each worker tries to have the port, and the one that has it answers; another goes on within a second
when that one ends. For Prometheus, inside a network: it answers one request after the other.
"""

from __future__ import annotations

import hmac
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import Final

from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.operations.collector import WorkersCollector
from ilios.operations.exposition import TEXT_FORMAT, exposition

log = logs.get(__name__)

PATH: Final = "/metrics"
RETRY_SECONDS: Final = 1.0  #: while another worker has the port
CLIENT_SECONDS: Final = 5.0  #: for which a client may be silent


class _Server(TCPServer):
    """Without the name of the host, which HTTPServer would look up."""

    allow_reuse_address = True


class MetricsServer:
    """Answers in a thread of its own, once it is started and has the port."""

    def __init__(self, settings: Settings, port: int) -> None:
        self._settings = settings
        self._port = port
        self._stopped = threading.Event()
        self._server: _Server | None = None
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let another worker have the port."""
        self._stopped.set()
        if self._server is not None:
            self._server.shutdown()
        self._thread.join(CLIENT_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with _Server(("0.0.0.0", self._port), self._handler()) as server:  # noqa: S104
                    self._server = server
                    if not self._stopped.is_set():
                        server.serve_forever()
            except OSError:  # another worker has it
                self._stopped.wait(RETRY_SECONDS)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = WorkersCollector(self._settings)
        token = self._settings.metrics_token
        wanted = f"Bearer {token.get_secret_value()}".encode() if token is not None else b""

        class Handler(BaseHTTPRequestHandler):
            timeout = CLIENT_SECONDS

            def do_GET(self) -> None:
                given = self.headers.get("Authorization", "").encode()
                if self.path != PATH:
                    self._answer(HTTPStatus.NOT_FOUND, b"")
                elif not hmac.compare_digest(given, wanted):
                    self._answer(HTTPStatus.UNAUTHORIZED, b"")
                else:
                    self._answer(HTTPStatus.OK, exposition(collector))

            def _answer(self, status: HTTPStatus, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", TEXT_FORMAT)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def version_string(self) -> str:
                return "ilios"

            def log_message(self, *_: object) -> None:
                """Say nothing: a scrape comes every few seconds."""

        return Handler
