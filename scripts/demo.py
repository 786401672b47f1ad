"""Converts a sample document through the real service, and prints its Markdown: `make demo`.

Standard library only. Starts the service on a free port with a data folder of its own inside the
checkout, and leaves neither behind.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

CHECKOUT = Path(__file__).resolve().parent.parent
SAMPLE = CHECKOUT / "samples" / "invoice.pdf"
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH")  # so, default settings
READY_TIMEOUT_SECONDS = 90.0
CONVERSION_TIMEOUT_SECONDS = 180.0
STOP_TIMEOUT_SECONDS = 60.0
LONG_POLL_SECONDS = 20
LOG_LINES_SHOWN = 25
RULE = "─" * 78


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


class Service:
    """A running service, and the few requests that the demo makes."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self._port = port

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None:
                raise DemoFailed(f"The service ended with status {self._process.returncode}.")
            if time.monotonic() > deadline:
                raise DemoFailed(f"The service was not ready within {READY_TIMEOUT_SECONDS:.0f} s.")
            time.sleep(0.1)

    def submit(self, document: Path) -> str:
        """Send a document; return its id."""
        boundary = uuid.uuid4().hex
        body = (
            f"--{boundary}\r\nContent-Disposition: form-data; "
            f'name="file"; filename="{document.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        body += document.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        content_type = f"multipart/form-data; boundary={boundary}"
        answer = self._expect(202, "POST", "/api/documents/submit", body, content_type)
        return str(json.loads(answer)["id"])

    def wait_until_converted(self, document_id: str) -> dict[str, Any]:
        """Poll until the conversion ends; return the last status."""
        path = f"/api/documents/status/{document_id}?wait={LONG_POLL_SECONDS}"
        deadline = time.monotonic() + CONVERSION_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            status: dict[str, Any] = json.loads(self._expect(200, "GET", path))
            if status["status"] == "completed":
                return status
            if status["status"] == "failed":
                raise DemoFailed(f"The conversion failed: {status.get('error')}")
        raise DemoFailed(f"No result within {CONVERSION_TIMEOUT_SECONDS:.0f} s.")

    def markdown(self, document_id: str) -> str:
        return self._expect(200, "GET", f"/api/documents/{document_id}?format=markdown").decode()

    def _is_ready(self) -> bool:
        try:
            return self._request("GET", "/readyz")[0] == http.client.OK
        except (OSError, http.client.HTTPException):
            return False

    def _expect(self, expected: int, method: str, path: str, *content: Any) -> bytes:
        try:
            status, body = self._request(method, path, *content)
        except (OSError, http.client.HTTPException) as error:
            raise DemoFailed(f"{method} {path} was not answered: {error}") from error
        if status != expected:
            raise DemoFailed(f"{method} {path} answered {status}: {body.decode(errors='replace')}")
        return body

    def _request(
        self, method: str, path: str, body: bytes | None = None, content_type: str | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._port, timeout=LONG_POLL_SECONDS + 30
        )
        try:
            headers = {"Content-Type": content_type} if content_type else {}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def running_service(folder: Path) -> Iterator[Service]:
    """Start the service on a free port with its data below `folder`; stop it at the end."""
    port = free_port()
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {"DATA_DIR": str(folder / "data"), "PORT": str(port), "LOG_FORMAT": "console"}
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [CHECKOUT / "start.sh"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C reaches the demo alone, which stops the service
        )
    try:
        yield Service(process, port)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def demonstrate(folder: Path) -> None:
    print("Starting the service with its defaults: embedded engine, SQLite, local files …")
    with running_service(folder) as service:
        service.wait_until_ready()
        size_kb = SAMPLE.stat().st_size / 1000
        print(f"Sending {SAMPLE.relative_to(CHECKOUT)} ({size_kb:.0f} kB) …", flush=True)
        started = time.monotonic()
        document_id = service.submit(SAMPLE)
        status = service.wait_until_converted(document_id)
        seconds = time.monotonic() - started
        markdown = service.markdown(document_id)
    pages = status["pagesDone"]
    print(f"Converted {pages} page{'s' if pages != 1 else ''} in {seconds:.1f} s:\n{RULE}")
    print(markdown.strip())
    print(f"{RULE}\nThe service is stopped and its data removed. To keep one running: make run")


def interrupt(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    with tempfile.TemporaryDirectory(prefix=".demo-", dir=CHECKOUT) as name:
        try:
            demonstrate(Path(name))
        except DemoFailed as failure:
            log = (Path(name) / "service.log").read_text(errors="replace").splitlines()
            print(f"The demo failed. {failure}", file=sys.stderr)
            print("The service's last words:", *log[-LOG_LINES_SHOWN:], sep="\n", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
