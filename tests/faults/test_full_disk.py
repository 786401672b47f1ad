"""A disk that fills up: nothing is taken on that could not be stored, and it heals by itself."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ilios.core.settings import MIB, Settings
from ilios.db.database import Database
from ilios.db.models import JobStatus
from ilios.operations.heartbeat import BlockReason
from tests.support import documents
from tests.support.api_server import free_port
from tests.support.externals import unavailable
from tests.support.start_script import StartScript
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

DISK_BYTES = 96 * MIB
RESERVE_BYTES = 32 * MIB
BOUNDARY = "boundary"
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
SUBMIT = "/api/documents/submit"


class Client:
    """Talks to a service whose data folder is a small disk of its own; `disk` leads there."""

    def __init__(self, script: StartScript, data_dir: Path) -> None:
        self._port = script.port
        web = script.child("gunicorn")
        self.disk = Path(f"/proc/{web.pid}/root{data_dir}")

    def ask(
        self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        is_chunked = not isinstance(body, bytes | None)
        connection.request(method, path, body, {**HEADERS, **headers}, encode_chunked=is_chunked)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        connection.close()
        return answer.status, said

    def services(self) -> dict[str, str]:
        found: dict[str, str] = self.ask("GET", "/health")[1]["services"]
        return found

    def fill(self) -> Path:
        """Leave less free than the reserve."""
        found = os.statvfs(self.disk)
        ballast = self.disk / "ballast"
        ballast.write_bytes(bytes(found.f_bavail * found.f_frsize - RESERVE_BYTES // 2))
        return ballast


@pytest.fixture
def client(start: Callable[..., StartScript], tmp_path: Path) -> Client:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    script = f'mount -t tmpfs -o size={DISK_BYTES} none "$1" && shift && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", script, "sh", str(data_dir))
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        unavailable("needs root and a mount namespace")
    settings = Settings(
        data_dir=data_dir,
        port=free_port(),
        web_concurrency=1,
        worker_count=1,
        min_free_disk_bytes=RESERVE_BYTES,
        shutdown_grace_seconds=0,
    )
    service = start(settings, prefix)
    service.wait_until_ready()
    return Client(service, data_dir)


def form(content: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def blocks(body: bytes) -> Iterator[bytes]:
    return (body[start : start + MIB] for start in range(0, len(body), MIB))


def test_a_full_disk_takes_nothing_on_and_heals_by_itself(client: Client) -> None:
    large = form(b"x" * (DISK_BYTES - 4 * MIB))
    assert_full(client.ask("POST", SUBMIT, large), "MIN_FREE_DISK_BYTES")
    assert_full(client.ask("POST", SUBMIT, blocks(large)), "MIN_FREE_DISK_BYTES")
    assert list((client.disk / "tmp" / "uploads").iterdir()) == []

    ballast = client.fill()

    assert client.services()["disk"].startswith("full: Only ")
    assert_full(client.ask("POST", SUBMIT, form(b"Hello")), "MIN_FREE_DISK_BYTES")
    assert client.ask("GET", "/health")[0] == 200
    ballast.unlink()
    assert client.services()["disk"] == "ok"
    status, accepted = client.ask("POST", SUBMIT, form(b"Hello"))
    assert status == 202
    ended = client.ask("GET", f"/api/documents/status/{accepted['id']}?wait=30")[1]
    assert ended["status"] == "completed"


def test_what_waits_is_not_begun_before_there_is_room(
    start_supervisor: Callable[..., SupervisorProcess], settings: Settings, database: Database
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings)
    full = start_supervisor("echo", worker_count=1, min_free_disk_bytes=2**60)
    wait_until(lambda: "disk.state" in full.log, timeout_s=10)
    full.wait_until_blocked(BlockReason.DISK_FULL)
    assert full.stop() == 0
    assert documents.job(database, job_id).status is JobStatus.PENDING

    start_supervisor("echo", worker_count=1)

    wait_until(lambda: documents.document(database, document_id).processed_at, timeout_s=15)
    assert documents.job(database, job_id).attempts == 1


def assert_full(answer: tuple[int, Any], word: str) -> None:
    status, body = answer
    assert (status, body["code"]) == (507, "disk_full")
    assert word in body["detail"]
