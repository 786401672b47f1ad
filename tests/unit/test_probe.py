"""The container's health check tells a healthy service from one that is ill, gone or stuck."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ilios import probe
from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.postgres.driver import ANSWER_SECONDS, CONNECT_SECONDS
from ilios.operations import heartbeat


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


@pytest.fixture
def beat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float, int], None]:
    """Write the heartbeat of a supervisor so many seconds ago, with so many ready workers."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    state = data_folder.supervisor_state(Settings(data_dir=tmp_path))
    state.parent.mkdir()

    def write(seconds_ago: float, ready: int) -> None:
        now = time.monotonic() - seconds_ago
        heartbeat.write(state, heartbeat.Heartbeat(1, now, 2, ready, 0))

    return write


def test_a_supervisor_that_beats_is_well(beat: Callable[[float, int], None]) -> None:
    beat(0.0, 2)

    assert probe.main("supervisor") is None
    assert probe.main("workers") is None


def test_without_a_ready_worker_it_lives_and_cannot_convert(
    beat: Callable[[float, int], None],
) -> None:
    beat(0.0, 0)

    assert probe.main("supervisor") is None
    assert probe.main("workers") == "no worker is ready"


def test_a_supervisor_that_waits_for_a_database_lives_and_cannot_convert(
    beat: Callable[[float, int], None],
) -> None:
    beat(heartbeat.STALE_SECONDS + 1, 2)

    assert probe.main("supervisor") is None
    assert probe.main("workers") == "the supervisor has been silent for 6 s"


def test_a_supervisor_that_is_silent_for_longer_than_it_waits_is_a_fault(
    beat: Callable[[float, int], None],
) -> None:
    waits = ANSWER_SECONDS + 2 * CONNECT_SECONDS
    beat(probe.HUNG_SECONDS, 2)

    assert probe.main("supervisor") == "the supervisor has been silent for 90 s"
    assert probe.main("workers") == "the supervisor has been silent for 90 s"
    assert waits < probe.HUNG_SECONDS


@pytest.mark.parametrize("content", [None, "", "[]", "{}"])
def test_a_supervisor_that_has_not_begun_is_a_fault(
    beat: Callable[[float, int], None], tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "run" / "supervisor.json").write_text(content)

    assert "has no heartbeat" in (probe.main("supervisor") or "")
