"""Web servers on loopback that answer as a test says, byte by byte, and listeners that hear all."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.tls import Certificate

HEAD_END = b"\r\n\r\n"
Answer = Callable[[socket.socket, bytes], None]
"""Is given a connection and the request that came on it."""


@dataclass
class WebServer:
    """A server inside the test. `requests` are the heads that have come, in order."""

    port: int
    over: threading.Event
    requests: list[bytes] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def header(self, name: str, place: int = -1) -> str | None:
        """Return a header of a request; None when it was not sent."""
        lines = self.requests[place].decode("latin-1").split("\r\n")[1:]
        found = dict(line.split(": ", 1) for line in lines if ": " in line)
        return found.get(name)


@contextmanager
def serving(answer: Answer | bytes, certificate: Certificate | None = None) -> Iterator[WebServer]:
    """Provide a server that gives each request the same bytes, or what a function writes."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = WebServer(listening.getsockname()[1], threading.Event())
    context = _context(certificate)
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=attend, args=[connection])
            thread.start()
            threads.append(thread)

    def attend(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            talking = context.wrap_socket(connection, server_side=True) if context else connection
            with talking:
                head = _head_of(talking)
                server.requests.append(head)
                if isinstance(answer, bytes):
                    talking.sendall(answer)
                else:
                    answer(talking, head)

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield server
    finally:
        server.over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join()  # from then on there are no more
        for thread in threads:
            thread.join()


def reply(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """Return a response with its length; a header's name has `_` for `-`."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    named = {"Content-Length": str(len(body)), **given}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Ear:
    """A port of all addresses of this machine, at which nothing may arrive."""

    def __init__(self) -> None:
        self._listening = [socket.create_server(("", 0))]
        self.port: int = self._listening[0].getsockname()[1]
        if socket.has_ipv6:
            with contextlib.suppress(OSError):  # a machine without IPv6
                self._listening.append(
                    socket.create_server(("::", self.port), family=socket.AF_INET6)
                )

    @property
    def has_heard(self) -> bool:
        """Whether somebody has connected: the kernel knows, without an `accept`."""
        return bool(select.select(self._listening, [], [], 0)[0])

    def close(self) -> None:
        for one in self._listening:
            one.close()


def _head_of(connection: socket.socket) -> bytes:
    head = b""
    while HEAD_END not in head:
        block = connection.recv(4096)
        if not block:
            break
        head += block
    return head


def _context(certificate: Certificate | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.private_key)
    return context
