"""A real gunicorn process, and raw connections to it."""

from __future__ import annotations

import contextlib
import http.client
import io
import itertools
import json
import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil

from ilios.core.settings import Settings
from tests.support.forking import ForkedPython, start_python
from tests.support.migrating import environment
from tests.support.waiting import has_ended, wait_until

BOOT_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
Answer = tuple[int, dict[str, str], Any]
PATIENT = "python:ilios.api.server.gunicorn_conf"
ENDURING = "python:tests.support.api_enduring_conf"
IMPATIENT = "python:tests.support.api_impatient_conf"


# Below the ports that the kernel gives to connections, and far from those of the next process:
# else another has a port that was free by the time a server binds it.
_PORTS = range(10_000, 32_000)
_ports = itertools.islice(itertools.cycle(_PORTS), os.getpid() * 1_009 % len(_PORTS), None)


def free_port() -> int:
    """Return a port of the loopback that no other test takes."""
    return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def gunicorn(
    settings: Settings,
    log_path: Path,
    conf: str = PATIENT,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> ForkedPython:
    """Start a server; its output goes to the file. `variables` are of its environment."""
    with log_path.open("ab") as log:
        return start_python(
            "-m",
            "gunicorn",
            "-c",
            conf,
            "app:create_app()",
            environment=environment(settings, **variables),
            stdout=log,
        )


class Server:
    """A gunicorn that listens; `stop` ends it the way an operator does."""

    def __init__(
        self,
        settings: Settings,
        conf: str = PATIENT,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.settings = settings
        self.log_path = settings.data_folder / "web.log"
        self.process = gunicorn(settings, self.log_path, conf, variables)
        try:
            wait_until(self.is_listening, BOOT_TIMEOUT_S)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def connect(self) -> Connection:
        return Connection(self.settings.port)

    def stop(self) -> None:
        """Send SIGTERM, and wait for the end. Raises TimeoutExpired."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=STOP_TIMEOUT_S)

    def web_process(self) -> psutil.Process:
        """Return the one that serves, where there is only one; if it has ended, the next one."""
        wait_until(self._serving_processes, BOOT_TIMEOUT_S)
        (web,) = self._serving_processes()
        return web

    def _serving_processes(self) -> list[psutil.Process]:
        return [one for one in psutil.Process(self.process.pid).children() if not has_ended(one)]

    def is_listening(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(self.log_path.read_text())
        try:
            with self.connect() as connection:
                return connection.ask("GET", "/livez")[0] == 200
        except OSError:
            return False

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class _Stream(io.BufferedReader):
    def close(self) -> None:
        """Keep the connection open at the end of an answer."""


class Connection:
    """A TCP connection on which a test may say anything."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT_S)
        self._stream = _Stream(socket.SocketIO(self.socket, "r"))

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):  # the server may have closed it already
            self.socket.shutdown(socket.SHUT_RDWR)  # the stream keeps the descriptor open
        self.socket.close()

    def send(self, text: str | bytes) -> None:
        self.socket.sendall(text.encode() if isinstance(text, str) else text)

    def answer(self, method: str = "GET") -> Answer:
        """Read one answer: status, headers, and the body, from JSON where it is."""
        response = http.client.HTTPResponse(self, method=method)  # type: ignore[arg-type]
        response.begin()
        body = response.read()
        headers = dict(response.getheaders())
        response.close()
        is_json = "json" in headers.get("Content-Type", "")
        return response.status, headers, json.loads(body) if is_json and body else body

    def makefile(self, _mode: str) -> _Stream:
        """Give http.client one buffer for all answers, since it may hold the next one already."""
        return self._stream

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        self.send(head(method, path, **{"Content-Length": str(len(body)), **headers}))
        self.send(body)
        return self.answer(method)


def head(method: str, path: str, **headers: str) -> str:
    """Return the head of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines) + "\r\n\r\n"
