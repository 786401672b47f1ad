"""The container's health check tells a healthy service from one that is ill, gone or stuck."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ilios import probe


@pytest.fixture
def answering() -> Iterator[Callable[[HTTPStatus], int]]:
    """Start a server that answers everything with one status; returns its port."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: HTTPStatus) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"the cause")

            def log_message(self, *_arguments: object) -> None:
                """Stay silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_healthy_service_has_no_fault(answering: Callable[[HTTPStatus], int]) -> None:
    assert probe.probe(answering(HTTPStatus.OK), "/health") is None


def test_an_unhealthy_service_says_why(answering: Callable[[HTTPStatus], int]) -> None:
    fault = probe.probe(answering(HTTPStatus.SERVICE_UNAVAILABLE), "/health")

    assert fault == "/health says 503: the cause"


def test_a_service_that_is_gone_is_a_fault() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]

    assert "does not answer" in (probe.probe(port, "/health") or "")


def test_a_service_that_is_stuck_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "timed out" in (probe.probe(silent.getsockname()[1], "/health") or "")
