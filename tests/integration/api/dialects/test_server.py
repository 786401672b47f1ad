"""Dialects under a real gunicorn: bodies that come in chunks, long answers, refused heads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from ilios.api.dialects.registry import BLUEPRINTS
from ilios.db.sqlite_database import SqliteDatabase
from tests.support.api_fixtures import KEY
from tests.support.api_server import Connection, Server, head
from tests.support.api_working import InTestWorker

PROCESS = "/v1/openwebui/process"
LINES = 700  #: more pages than an answer with a length has


@pytest.fixture
def worker_of_the_server(server: Server) -> Iterator[InTestWorker]:
    with closing(SqliteDatabase(server.settings.database_path)) as database:
        yield InTestWorker(server.settings, database)


def test_a_file_comes_in_chunks_and_its_many_pages_go_out_as_they_are_read(
    connection: Connection, worker_of_the_server: InTestWorker
) -> None:
    content = "\n".join(f"page {number}" for number in range(1, LINES + 1)).encode()
    request = head("PUT", PROCESS, X_Api_Key=KEY, Transfer_Encoding="chunked")

    with worker_of_the_server.running():
        connection.send(request + f"{len(content):x}\r\n")
        connection.send(content + b"\r\n0\r\n\r\n")
        status, headers, pages = connection.answer("PUT")

    assert (status, headers["Transfer-Encoding"]) == (200, "chunked")
    assert [page["page_content"] for page in pages] == content.decode().split("\n")
    assert {page["metadata"]["total_pages"] for page in pages} == {LINES}


def test_text_goes_out_as_it_is_read(
    connection: Connection, worker_of_the_server: InTestWorker
) -> None:
    content = b"x\n" * LINES
    with worker_of_the_server.running():
        status, _, body = connection.ask("PUT", "/tika", content, X_Api_Key=KEY)

    assert (status, body.count(b"x")) == (200, LINES)


def test_every_shape_can_do_without_a_request(server: Server) -> None:
    paths = [path for dialect in BLUEPRINTS.values() for one in dialect for path in one.paths]
    assert len(paths) > 1
    for path in paths:
        with server.connect() as connection:
            connection.send(head("PUT", path, Content_Length="ten"))
            status, _, body = connection.answer("PUT")
        assert (status, "invalid_content_length" in str(body)) == (400, True), path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"{PROCESS}?a=b", "application/json"),
        ("/tika/text", "text/plain; charset=utf-8"),
        ("/v1/convert", "application/problem+json"),
    ],
)
def test_a_head_that_is_refused_has_the_shape_of_its_dialect(
    server: Server, path: str, kind: str
) -> None:
    with server.connect() as connection:
        connection.send(head("PUT", path, Content_Length="ten"))
        status, headers, body = connection.answer("PUT")

    assert (status, headers["Content-Type"]) == (400, kind)
    assert "invalid_content_length" in str(body)
