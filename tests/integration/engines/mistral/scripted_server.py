"""A TCP server that runs a test's script for each connection: for what no HTTP server would do."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType

from tests.support.tls import Certificate

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  #: struct linger: close() sends a reset
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Peer:
    """One connection, seen from the server."""

    def __init__(self, connection: socket.socket, is_over: threading.Event) -> None:
        self._connection = connection
        self._is_over = is_over

    def read_request(self) -> bytes:
        """Read a whole request, head and body."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._receive()
        head, _, body = received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        while len(body) < int(length[1] if length else 0):
            body += self._receive()
        return head + b"\r\n\r\n" + body

    def read_slowly(self, seconds: float) -> None:
        """Read a few bytes in each interval, until the test is over."""
        while not self._is_over.wait(seconds):
            self._receive(1024)

    def send(self, text: bytes) -> None:
        self._connection.sendall(text)

    def trickle(self, text: bytes, seconds: float) -> None:
        """Send one byte in each interval, until the client closes or the test is over."""
        with contextlib.suppress(OSError):
            for byte in text:
                self.send(bytes([byte]))
                if self._is_over.wait(seconds):
                    return

    def wait(self) -> None:
        """Do nothing until the test is over."""
        self._is_over.wait()

    def relay(self, request: bytes) -> None:
        """Connect to what a CONNECT request names, and pass on all that either side sends."""
        host, _, port = request.split(b" ")[1].decode().partition(":")
        with socket.create_connection((host, int(port))) as target:
            self.send(b"HTTP/1.1 200 OK\r\n\r\n")
            answering = threading.Thread(target=_pump, args=(target, self._connection))
            answering.start()
            _pump(self._connection, target)
            answering.join()

    def reset(self) -> None:
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._connection.close()

    def _receive(self, size: int = 65536) -> bytes:
        received = self._connection.recv(size)
        if not received:
            raise ConnectionError("the client is gone")
        return received


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while received := source.recv(65536):
            sink.sendall(received)
        sink.shutdown(socket.SHUT_WR)


class ScriptedServer:
    """Runs a script for each connection, in a thread of its own; over TLS with a certificate."""

    def __init__(
        self, script: Callable[[Peer], None], certificate: Certificate | None = None
    ) -> None:
        self._script = script
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self._tls and certificate:
            self._tls.load_cert_chain(certificate.certificate, certificate.private_key)
        self._is_over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        # Small, so that what is not read does not count as sent.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        scheme, port = "https" if certificate else "http", self._listener.getsockname()[1]
        self.url = f"{scheme}://127.0.0.1:{port}"
        self._accepting = threading.Thread(target=self._accept)

    def __enter__(self) -> ScriptedServer:
        self._accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._accepting.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,))
                thread.start()
                self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                self._script(Peer(connection, self._is_over))
