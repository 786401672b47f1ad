"""What listeners to events cost others, and the memory: `python -m bench.listeners`.

Half of them listen to all documents of a key, half to one document that stays open. Meanwhile
others ask for statuses and lists and submit documents, at a fixed rate, each round once with
listeners and once without. Prints the 95th percentile of their times in each, the ratio of each
pair, and what the web processes take (PSS) for a listener.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection

from bench.service import HEADERS, Service, multipart, running

KEYS = 10
CLIENTS = 4  #: that ask at the same time
SETTLE_SECONDS = 3.0
READ_BYTES = 65_536
ASKED = ("status", "status", "list", "status", "status", "submit")
"""What a client asks for, again and again."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=560, help="in each half of a round")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second")
    options = parser.parse_args()
    keys = [f"key-{number}" for number in range(KEYS)]
    with running(API_KEY=",".join(keys), OCR_ENGINE="embedded") as service:
        bench = Bench(service, keys, options.listeners, options.requests, options.rate)
        bench.measure(is_heard=False)  # what requests load once is neither growth nor time
        bench.measure(is_heard=True)  # what listeners load once is growth
        ratios = []
        for number in range(options.rounds):
            order = (False, True) if number % 2 else (True, False)
            p95 = {is_heard: bench.measure(is_heard=is_heard) for is_heard in order}
            ratios.append(p95[True] / p95[False])
            print(
                f"round {number + 1}: p95 {1000 * p95[True]:.1f} ms with listeners, "
                f"{1000 * p95[False]:.1f} ms without, ratio {ratios[-1]:.3f}"
            )
        print(f"p95 of other requests, median of the ratios   {statistics.median(ratios):.3f}")
        print(f"events that were sent a second                {statistics.median(bench.rates):.0f}")
        print(f"memory of a listener, while it hears nothing  {max(bench.idle_kib):.1f} KiB")
        print(f"the same, while others asked                  {max(bench.busy_kib):.1f} KiB")


class Bench:
    """One service, asked with and without listeners."""

    def __init__(
        self, service: Service, keys: list[str], listeners: int, requests: int, rate: float
    ) -> None:
        self.idle_kib: list[float] = []
        self.busy_kib: list[float] = []
        self.rates: list[float] = []
        self._service = service
        self._keys = keys
        self._listeners = listeners
        self._requests = requests
        self._rate = rate
        self._documents = {key: _submit(service, key, f"The first of {key}") for key in keys}
        opens = [self._open(key) for key in keys]
        self._paths = [
            (key, path)
            for key, document_id in zip(keys, opens, strict=True)
            for path in ("/api/documents/events", f"/api/documents/{document_id}/events")
        ]

    def measure(self, *, is_heard: bool) -> float:
        """Return the 95th percentile of the times of requests, in seconds."""
        before = self._service.web_pss_bytes()
        if not is_heard:
            return self._ask_all()
        with listening(self._service.port, self._paths, self._listeners) as listeners:
            time.sleep(SETTLE_SECONDS)
            self.idle_kib.append(self._growth_kib(before))
            begun, heard = time.monotonic(), listeners.heard()
            p95 = self._ask_all()
            self.rates.append((listeners.heard() - heard) / (time.monotonic() - begun))
            self.busy_kib.append(self._growth_kib(before))
        time.sleep(SETTLE_SECONDS)
        return p95

    def _growth_kib(self, before: int) -> float:
        return (self._service.web_pss_bytes() - before) / 1024 / self._listeners

    def _ask_all(self) -> float:
        each = self._requests // CLIENTS
        with ThreadPoolExecutor(CLIENTS) as clients:
            times = [
                one
                for found in clients.map(self._ask, range(CLIENTS), [each] * CLIENTS)
                for one in found
            ]
        return sorted(times)[int(0.95 * len(times))]

    def _ask(self, client: int, count: int) -> list[float]:
        """Ask at a fixed rate; the times of requests that had to wait begin when they were due."""
        connection = self._service.connect()
        begun = time.monotonic() + client / self._rate
        times = []
        for number in range(count):
            due = begun + number * CLIENTS / self._rate
            time.sleep(max(0.0, due - time.monotonic()))
            key = self._keys[(client + number) % len(self._keys)]
            what = ASKED[number % len(ASKED)]
            headers = {"Authorization": f"Bearer {key}"}
            if what == "submit":
                body = multipart("a.txt", f"{time.monotonic_ns()} of {client}".encode())
                connection.request("POST", "/api/documents/submit", body, HEADERS | headers)
            elif what == "list":
                connection.request("GET", "/api/documents?limit=20", headers=headers)
            else:
                path = f"/api/documents/status/{self._documents[key]}"
                connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status in (200, 202), answer.status
            times.append(time.monotonic() - due)
        connection.close()
        return times

    def _open(self, key: str) -> str:
        """Return the id of a document that stays open: its bytes never come."""
        connection = self._service.connect()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        offer = json.dumps({"fileName": "a.txt", "fileSize": 5})
        connection.request("POST", "/api/documents/upload-url", offer, headers)
        document_id: str = json.loads(connection.getresponse().read())["id"]
        connection.close()
        return document_id


class Listeners:
    """Listeners in a process of their own."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def heard(self) -> int:
        """Return how many events they have heard so far."""
        self._pipe.send("heard")
        count: int = self._pipe.recv()
        return count


@contextmanager
def listening(port: int, paths: list[tuple[str, str]], count: int) -> Iterator[Listeners]:
    """Listen on so many connections during the block, to these paths in turn."""
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_listen, args=(theirs, port, paths, count))
    process.start()
    theirs.close()
    try:
        assert ours.recv() == count
        yield Listeners(ours)
    finally:
        ours.send("end")
        process.join()


def _listen(pipe: Connection, port: int, paths: list[tuple[str, str]], count: int) -> None:
    waiting = selectors.DefaultSelector()
    for number in range(count):
        key, path = paths[number % len(paths)]
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Authorization: Bearer {key}\r\n\r\n".encode()
        )
        begin = client.recv(READ_BYTES)
        assert b" 200 " in begin.partition(b"\r\n")[0], begin
        waiting.register(client, selectors.EVENT_READ, client)
    waiting.register(pipe, selectors.EVENT_READ)
    heard = 0
    pipe.send(count)
    while True:
        for ready, _ in waiting.select():
            if ready.fileobj is pipe:
                if pipe.recv() == "end":
                    return
                pipe.send(heard)
                continue
            received = ready.data.recv(READ_BYTES)
            if not received:
                raise RuntimeError("the service has ended a stream")
            heard += received.count(b"event: status\n")


def _submit(service: Service, key: str, text: str) -> str:
    """Submit a document, and return its id once it is completed."""
    headers = {"Authorization": f"Bearer {key}"}
    connection = service.connect()
    body = multipart("a.txt", text.encode())
    connection.request("POST", "/api/documents/submit", body, HEADERS | headers)
    document_id: str = json.loads(connection.getresponse().read())["id"]
    connection.request("GET", f"/api/documents/status/{document_id}?wait=30", headers=headers)
    assert json.loads(connection.getresponse().read())["status"] == "completed"
    connection.close()
    return document_id


if __name__ == "__main__":
    main()
