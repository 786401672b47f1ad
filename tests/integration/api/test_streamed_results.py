"""Long results over real connections: whole for all who read, and never whole in memory."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ilios.accounts.keys import owner_of
from ilios.core.settings import MIB, Settings
from ilios.db.sqlite_database import SqliteDatabase
from ilios.engines.page_text import PAGE_BREAK
from tests.support import structured
from tests.support.api_fixtures import KEY
from tests.support.api_server import Connection, Server, head
from tests.support.waiting import wait_until

PAGES = 4_000
GROWTH_MAX_BYTES = 32 * MIB
VERSIONS = ("HTTP/1.0", "HTTP/1.1")
JSON = "?format=json&include=blocks"


@pytest.fixture(scope="module")
def path(shared_settings: Settings) -> Iterator[str]:
    """Provide where the result of a document with many pages is."""
    with closing(SqliteDatabase(shared_settings.database_path)) as database:
        pages = map(structured.page, range(PAGES))
        yield f"/api/documents/{structured.add_result(database, pages, owner=owner_of(KEY))}"


def asking(path: str, version: str = "HTTP/1.1") -> str:
    request = head("GET", path, Authorization=f"Bearer {KEY}")
    return request.replace("HTTP/1.1", version)


def read(connection: Connection, path: str, version: str = "HTTP/1.1") -> Any:
    connection.send(asking(path, version))
    status, headers, body = connection.answer()
    assert status == 200
    assert ("Transfer-Encoding" in headers) == (version == "HTTP/1.1")
    return body


@pytest.mark.parametrize("version", VERSIONS)
def test_all_pages_come_with_their_blocks(connection: Connection, path: str, version: str) -> None:
    body = read(connection, path + JSON, version)

    assert [page["number"] for page in body["pages"]] == list(range(1, PAGES + 1))
    assert body["content"].split(PAGE_BREAK) == [page["markdown"] for page in body["pages"]]
    assert {len(page["blocks"]) for page in body["pages"]} == {5}


@pytest.mark.parametrize("version", VERSIONS)
def test_an_archive_comes_whole(connection: Connection, path: str, version: str) -> None:
    archive = zipfile.ZipFile(io.BytesIO(read(connection, f"{path}?format=zip", version)))

    assert archive.testzip() is None
    assert archive.namelist() == ["hello.md", "result.json"]


@pytest.mark.parametrize("query", [JSON, "?format=zip&include=blocks"])
def test_a_web_process_does_not_grow_with_a_result(server: Server, path: str, query: str) -> None:
    process = Path(f"/proc/{server.web_process().pid}")
    with server.connect() as connection:
        read(connection, f"{path}{query}&pages=1-501")
        (process / "clear_refs").write_text("5")  # the peak begins anew
        before = peak_bytes(process)
        read(connection, path + query)

    assert peak_bytes(process) - before < GROWTH_MAX_BYTES


def test_a_client_that_leaves_in_the_middle_costs_nobody_anything(
    server: Server, path: str
) -> None:
    process = server.web_process()
    for query in (JSON, "?format=zip"):
        with server.connect() as leaving:
            leaving.send(asking(path + query))
            assert leaving.socket.recv(1_000)
    wait_until(lambda: len(process.net_connections()) == 1, timeout_s=60)

    with server.connect() as connection:
        assert len(read(connection, path + JSON)["pages"]) == PAGES


def peak_bytes(process: Path) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
    assert found
    return int(found[1]) * 1024
