"""Refused uploads behind a proxy: each client gets the answer of the service, never a 502."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from tests.proxies.conftest import FILE_MAX_BYTES
from tests.proxies.proxy import Proxy
from tests.support.api_fixtures import KEY

REQUESTS = int(os.environ.get("ILIOS_PROXY_REQUESTS", "500"))  #: to each proxy
CLIENTS = 8
ANSWER_TIMEOUT_S = 60.0
SUBMIT = "/api/documents/submit"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and the status that the service gives it."""

    status: int
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def form(content: bytes, **headers: str) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a form with one file."""
    start = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    return start + content + b"\r\n--b--\r\n", {**kind, **headers}


def mixed() -> Iterator[Asked]:
    """Yield requests without an end, of which every other one is refused."""
    key = {"Authorization": f"Bearer {KEY}"}
    for number in itertools.count():
        small = form(b"Document %d" % number, **key)
        yield Asked(401, "POST", SUBMIT, *form(b"x" * 600_000))
        yield Asked(200, "GET", "/livez")
        yield Asked(413, "POST", SUBMIT, *form(b"x" * (3 * FILE_MAX_BYTES), **key))
        yield Asked(202, "POST", SUBMIT, *small)
        yield Asked(401, "POST", "/v1/convert", *form(b"x" * 300_000))
        yield Asked(200, "GET", "/openapi.json")
        yield Asked(400, "POST", SUBMIT, b"x" * 400_000, {"Content-Type": "text/plain", **key})
        yield Asked(200, "GET", "/api/documents?limit=1", headers=key)


def ask(client: http.client.HTTPConnection, asked: Asked) -> int:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the answer is there already
        client.request(asked.method, asked.path, asked.body, asked.headers)
    answer = client.getresponse()
    answer.read()
    return answer.status


def send(port: int, requests: SimpleQueue[Asked]) -> Counter[tuple[str, int, int]]:
    """Ask one after the other, over connections that are kept where the proxy keeps them."""
    seen: Counter[tuple[str, int, int]] = Counter()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_S)
    with contextlib.suppress(Empty):
        while True:
            asked = requests.get_nowait()
            seen[asked.path, asked.status, ask(client, asked)] += 1
    client.close()
    return seen


def test_a_refusal_breaks_no_connection_of_the_proxy(proxy: Proxy) -> None:
    requests: SimpleQueue[Asked] = SimpleQueue()
    for asked in itertools.islice(mixed(), REQUESTS):
        requests.put(asked)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(send, proxy.port, requests) for _ in range(CLIENTS)]
    seen = sum((client.result() for client in clients), Counter[tuple[str, int, int]]())

    assert seen.total() == REQUESTS
    assert {key: count for key, count in seen.items() if key[1] != key[2]} == {}
