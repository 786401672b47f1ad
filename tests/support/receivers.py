"""A receiver of webhooks on this machine, which checks signatures with the reference library."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest
import standardwebhooks.webhooks
from standardwebhooks import Webhook

from ilios.core import clock
from tests.support.api_fixtures import WEBHOOK_SECRET
from tests.support.tls import Certificate

SECRET = WEBHOOK_SECRET


@dataclass(frozen=True, slots=True)
class Received:
    """A request, and when it came by our clock."""

    at: datetime
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    def verified(self, secret: str = SECRET) -> dict[str, Any]:
        """Return the event. Raises WebhookVerificationError, as a receiver's library does then."""
        at = self.at

        class Moment(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return cls.fromtimestamp(at.timestamp(), tz)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(standardwebhooks.webhooks, "datetime", Moment)
            event: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return event


@dataclass
class Receiver:
    """What came, and what is answered: a status, or nothing at all while it is down."""

    url: str = ""
    status: int = 204
    is_down: bool = False
    headers: dict[str, str] = field(default_factory=dict)  #: of its answers
    received: list[Received] = field(default_factory=list)
    refused: list[Received] = field(default_factory=list)  #: what came while it was down
    held: threading.Event | None = None  #: answers wait for it

    @property
    def authority(self) -> str:
        """Host and port, as URL_ALLOW names them."""
        return self.url.split("/")[2]

    def take(self, request: Received) -> int | None:
        """Return what is answered; None closes the connection."""
        if self.held is not None:
            self.held.wait(30)
        if self.is_down:
            self.refused.append(request)
            return None
        self.received.append(request)
        return self.status


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:  # as http.server calls it
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.receiver.take(Received(clock.now(), self.path, headers, body))
        if status is None:
            return
        self.send_response(status)
        for name, value in self.receiver.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that trusts no certificate, or has gone."""


@contextmanager
def receiving(certificate: Certificate | None = None) -> Iterator[Receiver]:
    """Provide a receiver that answers 204; over TLS with a certificate."""
    receiver = Receiver()

    class Handler(_Handler):
        """Of this receiver."""

    Handler.receiver = receiver
    scheme = "http" if certificate is None else "https"
    with _Server(("127.0.0.1", 0), Handler) as server:
        if certificate is not None:
            server.socket = _encrypted(server.socket, certificate)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        receiver.url = f"{scheme}://127.0.0.1:{server.server_port}/hooks?token=hidden"
        try:
            yield receiver
        finally:
            if receiver.held is not None:
                receiver.held.set()
            server.shutdown()
            thread.join()


def _encrypted(listener: socket.socket, certificate: Certificate) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.private_key)
    return context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)
