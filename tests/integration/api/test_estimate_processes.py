"""Estimates and page images under a real gunicorn: where files are opened, and for how long."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from ilios.core import data_folder
from tests.support import sample_files
from tests.support.api_fixtures import KEY
from tests.support.api_server import Answer, Connection, Server
from tests.support.waiting import wait_for_ends, wait_until

TWO_PAGES = sample_files.pdf(sample_files.text("one"), sample_files.text("two"))
BODY = (
    b'--boundary\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    + TWO_PAGES
    + b"\r\n--boundary--\r\n"
)
FORM = {
    "Authorization": f"Bearer {KEY}",
    "Content_Type": "multipart/form-data; boundary=boundary",
}


def estimated(connection: Connection) -> Answer:
    return connection.ask("POST", "/v1/estimate", BODY, **FORM)


@pytest.fixture(autouse=True)
def _another_web_process(server: Server) -> None:
    """Start a web process that has not estimated anything yet."""
    killed = server.web_process()
    killed.kill()
    wait_until(lambda: not killed.is_running() and server.is_listening(), timeout_s=60)


def parsers(server: Server) -> list[psutil.Process]:
    return server.web_process().children()


def _is_dead(process: psutil.Process) -> bool:
    """Return whether it is dead with all threads: until then its end of the pipe is open."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True


def test_a_child_opens_the_file_and_is_there_only_when_it_is_needed(
    server: Server, connection: Connection
) -> None:
    assert server.web_process().children() == []

    first, second = estimated(connection), estimated(connection)

    assert (first[0], second[0]) == (200, 200)
    assert first[2]["pages"] == 2
    (parser,) = parsers(server)
    libraries = {Path(mapped.path).name for mapped in server.web_process().memory_maps()}
    assert not {name for name in libraries if "pdfium" in name}
    assert {Path(mapped.path).name for mapped in parser.memory_maps()} & {"libpdfium.so"}


def test_a_page_is_drawn_in_a_child_too(server: Server, connection: Connection) -> None:
    status, _, document = connection.ask("POST", "/api/documents/submit", BODY, **FORM)
    assert status == 202

    path = f"/api/documents/{document['id']}/pages/2/image?width=200"
    image = connection.ask("GET", path, Authorization=FORM["Authorization"])

    assert (image[0], image[1]["Content-Type"]) == (200, "image/png")
    (parser,) = parsers(server)
    libraries = {Path(mapped.path).name for mapped in server.web_process().memory_maps()}
    assert not {name for name in libraries if "pdfium" in name or "_imaging" in name}
    assert {Path(mapped.path).name for mapped in parser.memory_maps()} & {"libpdfium.so"}


def test_a_child_that_dies_costs_nobody_else_anything(
    server: Server, connection: Connection
) -> None:
    estimated(connection)
    (parser,) = parsers(server)
    parser.send_signal(signal.SIGKILL)
    wait_until(lambda: _is_dead(parser), timeout_s=60)

    assert estimated(connection)[0] == 200


def test_many_at_once_share_one_child(server: Server) -> None:
    def ask(_number: int) -> int:
        with server.connect() as connection:
            return estimated(connection)[0]

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(ask, range(8))) == [200] * 8

    assert len(parsers(server)) == 1
    assert list(data_folder.uploads(server.settings).iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_child_outlives_its_web_process(
    server: Server, connection: Connection, number: signal.Signals
) -> None:
    estimated(connection)
    children = server.web_process().children()
    assert children

    server.web_process().send_signal(number)

    wait_for_ends(children, timeout_s=60)
