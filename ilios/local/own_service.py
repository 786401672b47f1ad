"""Conversion by a service that runs for one command: forms that need what a database has.

No setting of a service has an effect on it: its environment is made here. It is told a key that
nobody else knows, and its data lies in a temporary folder.
"""

from __future__ import annotations

import os
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from ilios.core.errors import StartupError
from ilios.local import temporary_service
from ilios.local.converter import Order
from ilios.local.inputs import Document
from ilios.local.outputs import ImageFolder
from ilios.local.temporary_service import LOOPBACK, READY

START_SECONDS: Final = 120.0  #: several times what it takes on a slow machine
PROGRAM: Final = f"from {temporary_service.__name__} import main; main()"
OF_THE_SYSTEM: Final = (
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "SSL_CERT_DIR",
    "SSL_CERT_FILE", "TMPDIR", "TZ",
)  # fmt: skip
"""Variables of this environment that are no settings of a service."""
AT_ONCE_MIN: Final = 8
"""Documents that it has at once: else a worker would wait for its next one. WEB_THREADS may not be
less."""


class OwnService:
    """Starts a service that converts so many documents at once; close it.

    Raises StartupError. `url_allow` is what URL_ALLOW is to a service.
    """

    def __init__(self, at_once: int, url_allow: str = "") -> None:
        key = secrets.token_urlsafe(32)
        self.concurrency = max(at_once, AT_ONCE_MIN)
        self._program = _start(_environment(key, at_once, self.concurrency, url_allow))
        try:
            from ilios.local.by_service import ByService  # takes a while, as does the start

            url = f"http://{LOOPBACK}:{_port(self._program)}"
            # Past the proxies that the environment names.
            self._client = ByService(url, key, self.concurrency, {"trust_env": False})
        except BaseException:
            _end(self._program)
            raise

    def convert(
        self, document: Document, order: Order, images: ImageFolder | None
    ) -> Sequence[bytes]:
        """Return a result; see Converter."""
        return self._client.convert(document, order, images)

    def stop(self) -> None:
        self._client.stop()

    def close(self) -> None:
        """Release connections, and wait for the end of the service."""
        try:
            self._client.close()
        finally:
            _end(self._program)


def _environment(key: str, at_once: int, concurrency: int, url_allow: str) -> Mapping[str, str]:
    path = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **{name: os.environ[name] for name in OF_THE_SYSTEM if name in os.environ},
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONSAFEPATH": "1",
        "API_KEY": key,
        "DIALECTS": "none",
        "LOG_FORMAT": "console",
        "MIN_FREE_DISK_BYTES": "0",
        "OCR_ENGINE": "embedded",
        "SHUTDOWN_GRACE_SECONDS": "1",
        "SQLITE_SYNCHRONOUS": "NORMAL",
        "URL_ALLOW": url_allow,
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": str(concurrency),
        "WORKER_COUNT": str(at_once),
    }


def _start(variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # ourselves
        [sys.executable, "-c", PROGRAM],
        env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is for this process, which ends it
    )  # fmt: skip


def _port(program: subprocess.Popen[bytes]) -> str:
    """Wait for the service; return its port. Raises StartupError."""
    deadline = time.monotonic() + START_SECONDS
    said = b""
    output = _of(program.stdout)
    while select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]:
        block = os.read(output.fileno(), 65536)
        said += block
        if said.startswith(READY) and said.endswith(b"\n"):
            return said.removeprefix(READY).decode().strip()
        if not block:
            raise StartupError(_reason(said))
    raise StartupError(f"the service for this run was not ready within {START_SECONDS:.0f} s.")


def _reason(said: bytes) -> str:
    lines = said.decode(errors="replace").strip() or "it said nothing"
    return f"the service for this run did not start: {lines.removeprefix('ilios: ')}"


def _end(program: subprocess.Popen[bytes]) -> None:
    """Let the program see the end of its input, and wait for what it does then."""
    _of(program.stdin).close()
    program.wait()
    _of(program.stdout).close()


def _of(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise TypeError("a program without pipes")
    return pipe
