"""Answers a second: the service's reads and a bare Flask view: `python -m bench.reads`.

The view runs under the same gunicorn, with 2 processes of 16 threads. One client process sends to
both, over connections that it keeps.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from bench.service import HEADERS, REPOSITORY, Service, multipart, running

CLIENTS = {"/health": 8, "/livez": 8}
STATUS_CLIENTS = 32
HEAD_END = b"\r\n\r\n"

bare = Flask(__name__)


@bare.get("/")
def _bare() -> dict[str, str]:
    return {"status": "ok"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    for name, rates in measure(options.rounds, options.seconds).items():
        print(f"{name}: {statistics.median(rates):.0f}/s")


def measure(rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return the rates of each round, service and bare view in turn."""
    rates: dict[str, list[float]] = {}
    with running() as service, bare_view() as port:
        places = {
            **{path: (service.port, path, clients) for path, clients in CLIENTS.items()},
            "status": (service.port, _status_path(service), STATUS_CLIENTS),
            "bare Flask view": (port, "/", CLIENTS["/health"]),
            "bare Flask view, 32 clients": (port, "/", STATUS_CLIENTS),
        }
        for _ in range(rounds):
            for name, place in places.items():
                rates.setdefault(name, []).append(rate(*place, seconds))
    return rates


@contextmanager
def bare_view() -> Iterator[int]:
    """Serve the bare view during the block; provide its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "bench.reads:bare", "--no-control-socket"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "16"]
    command += ["--keep-alive", "60", "--log-level", "error"]
    with subprocess.Popen(command, cwd=REPOSITORY) as server:
        try:
            while server.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield port
        finally:
            server.terminate()


def rate(port: int, path: str, clients: int, seconds: float) -> float:
    """Return answers a second to so many clients, in a process of their own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_send, (port, path, clients, seconds))


def _send(port: int, path: str, clients: int, seconds: float) -> float:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    waiting = selectors.DefaultSelector()
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(clients)]
    for connection in opened:
        waiting.register(connection, selectors.EVENT_READ, connection)
        connection.sendall(request)
    answers, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        for key, _ in waiting.select(timeout=1):
            connection = key.data
            _read_answer(connection)
            answers += 1
            connection.sendall(request)
    for connection in opened:
        connection.close()
    return answers / elapsed


def _read_answer(connection: socket.socket) -> None:
    """Raise RuntimeError unless it is a 200."""
    received = b""
    while HEAD_END not in received:
        received += _more(connection)
    head, _, body = received.partition(HEAD_END)
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise RuntimeError(head.decode("latin-1"))
    length = next(
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += _more(connection)


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise RuntimeError("the server has closed the connection")
    return received


def _status_path(service: Service) -> str:
    """Return where the status of a completed document is."""
    connection = service.connect()
    body = multipart("a.txt", b"A document")
    connection.request("POST", "/api/documents/submit", body, HEADERS)
    document = json.loads(connection.getresponse().read())
    connection.close()
    path = f"/api/documents/status/{document['id']}"
    assert service.get(f"{path}?wait=30")["status"] == "completed"
    return path


if __name__ == "__main__":
    main()
