"""A disk that fills up: nothing is taken on that could not be stored, and it heals by itself."""

from __future__ import annotations

import http.client
import json
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ilios.core.settings import MIB, Settings
from ilios.core.spare_file import SPARE_BYTES
from ilios.db.database import Database
from ilios.db.models import JobStatus
from ilios.operations.heartbeat import BlockReason
from ilios.workers.maintenance import TIDY_SOON_SECONDS
from tests.support import documents
from tests.support.api_server import free_port
from tests.support.commands import Operator
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.start_script import StartScript
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

DISK_BYTES = 128 * MIB
RESERVE_BYTES = 32 * MIB
LINE = b"A line of a long text, which the database keeps as it is.\n\n"
BOUNDARY = "boundary"
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
SUBMIT = "/api/documents/submit"


class Client:
    """Talks to a service whose data folder is a small disk of its own."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(
        self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        is_chunked = not isinstance(body, bytes | None)
        connection.request(method, path, body, {**HEADERS, **headers}, encode_chunked=is_chunked)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        return answer.status, json.loads(said) if said else None

    def services(self) -> dict[str, str]:
        found: dict[str, str] = self.ask("GET", "/health")[1]["services"]
        return found

    def completed(self, content: bytes) -> str:
        """Submit a text, wait until it is converted, and return its id."""
        status, accepted = self.ask("POST", SUBMIT, form(content))
        assert status == 202
        ended = self.ask("GET", f"/api/documents/status/{accepted['id']}?wait=30")[1]
        assert ended["status"] == "completed"
        found: str = accepted["id"]
        return found


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "data"
    folder.mkdir()
    with small_disk(folder, DISK_BYTES) as found:
        yield found


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        port=free_port(),
        web_concurrency=1,
        worker_count=1,
        min_free_disk_bytes=RESERVE_BYTES,
        shutdown_grace_seconds=0,
    )


@pytest.fixture
def service(
    start: Callable[..., StartScript], small: Settings, disk: SmallDisk
) -> Iterator[StartScript]:
    found = start(small, disk.prefix)
    found.wait_until_ready()
    yield found
    found.close()  # before its disk goes


@pytest.fixture
def client(service: StartScript) -> Client:
    return Client(service.port)


def form(content: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def blocks(body: bytes) -> Iterator[bytes]:
    return (body[start : start + MIB] for start in range(0, len(body), MIB))


def test_a_full_disk_takes_nothing_on_and_heals_by_itself(client: Client, disk: SmallDisk) -> None:
    large = form(b"x" * (DISK_BYTES - 4 * MIB))
    assert_full(client.ask("POST", SUBMIT, large), "MIN_FREE_DISK_BYTES")
    assert_full(client.ask("POST", SUBMIT, blocks(large)), "MIN_FREE_DISK_BYTES")
    assert list((disk.root / "tmp" / "uploads").iterdir()) == []

    ballast = disk.fill(RESERVE_BYTES // 2)

    assert client.services()["disk"].startswith("full: Only ")
    assert_full(client.ask("POST", SUBMIT, form(b"Hello")), "MIN_FREE_DISK_BYTES")
    assert client.ask("GET", "/health")[0] == 200
    ballast.unlink()
    assert client.services()["disk"] == "ok"
    client.completed(b"Hello")


def test_a_disk_without_a_byte_is_emptied_from_inside(
    client: Client, disk: SmallDisk, small: Settings
) -> None:
    kept = client.completed(b"What stays.\n")
    large = client.completed(LINE * (10 * MIB // len(LINE)))
    wait_until(lambda: disk.spare_bytes() == SPARE_BYTES, timeout_s=30)
    # Else what is being written to the index takes the space that is given up for the commands.
    wait_until(lambda: client.services()["search"] == "ok", timeout_s=60)
    disk.fill()
    operator = Operator(small, prefix=disk.prefix)

    for command in (("queue", "pause"), ("queue", "resume"), ("retention",), ("jobs", "list")):
        done = operator.run(*command)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert [one["check"] for one in operator.diagnosis().of("error")] == ["free disk"]
    assert disk.free_bytes() < RESERVE_BYTES
    assert client.ask("DELETE", f"/api/documents/{large}")[0] == 204

    freed = SPARE_BYTES + 20 * MIB  # the original, its pages in the database
    wait_until(  # of which the spare file takes its bytes again as soon as there is room
        lambda: disk.free_bytes() + disk.spare_bytes() > freed,
        timeout_s=2 * TIDY_SOON_SECONDS + 30,
    )
    assert client.ask("GET", f"/api/documents/status/{kept}")[1]["status"] == "completed"


def test_a_service_starts_on_a_disk_without_a_byte(
    service: StartScript,
    start: Callable[..., StartScript],
    client: Client,
    disk: SmallDisk,
    small: Settings,
) -> None:
    document = client.completed(b"Hello.\n")
    wait_until(lambda: disk.spare_bytes() == SPARE_BYTES, timeout_s=30)
    os.kill(service.process.pid, signal.SIGTERM)
    assert service.wait() == 0
    ballast = disk.fill()

    again = start(small, disk.prefix)
    again.wait_until_ready()

    wait_until(lambda: client.services()["workers"] == "ok", timeout_s=30)
    assert client.services()["disk"].startswith("full: Only ")
    assert list(open_to_others(disk.root)) == []
    assert client.ask("DELETE", f"/api/documents/{document}")[0] == 204
    ballast.unlink()
    wait_until(lambda: disk.spare_bytes() == SPARE_BYTES, timeout_s=30)
    client.completed(b"Again.\n")
    again.close()


def open_to_others(folder: Path) -> Iterator[Path]:
    """Yield what the service has made there, if others have any right to it."""
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # the draft of a heartbeat, which has got its name
            if path.name != "ballast" and path.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                yield path


def test_what_waits_is_not_begun_before_there_is_room(
    start_supervisor: Callable[..., SupervisorProcess], settings: Settings, database: Database
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings)
    full = start_supervisor("echo", worker_count=1, min_free_disk_bytes=2**60)
    wait_until(lambda: "disk.state" in full.log, timeout_s=30)
    full.wait_until_blocked(BlockReason.DISK_FULL)
    assert full.stop() == 0
    assert documents.job(database, job_id).status is JobStatus.PENDING

    start_supervisor("echo", worker_count=1)

    wait_until(lambda: documents.document(database, document_id).processed_at, timeout_s=30)
    assert documents.job(database, job_id).attempts == 1


def assert_full(answer: tuple[int, Any], word: str) -> None:
    status, body = answer
    assert (status, body["code"]) == (507, "disk_full")
    assert word in body["detail"]
