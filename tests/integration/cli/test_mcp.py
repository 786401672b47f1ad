"""`ilios mcp` without a service, with the SDK's own client, over standard streams and HTTP."""

from __future__ import annotations

import base64
import http.client
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.coroutines import finished
from tests.support.forking import REPOSITORY, run_python
from tests.support.mcp_clients import (
    COMMAND,
    Answered,
    Era,
    by_http,
    by_streams,
    call,
    connected,
    environment,
)
from tests.support.sample_files import pdf, text
from tests.support.web_servers import reply, serving

if TYPE_CHECKING:
    from mcp import Client

T = TypeVar("T")
Play = Callable[["Client"], Awaitable[T]]
SAMPLES = REPOSITORY / "samples"
INVOICE, LETTER = SAMPLES / "invoice.pdf", SAMPLES / "scanned-letter.pdf"
ENCRYPTED = REPOSITORY / "tests" / "samples" / "encrypted.pdf"
TOOLS = ["convert", "status", "search", "read_page"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
TABLE = "a,b\n1,2\n"
TIMEOUT_S = 60.0
INITIALIZE = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
    b'"capabilities":{},"clientInfo":{"name":"test","version":"1"}}}\n'
)
PATH = {"PATH": os.environ["PATH"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mcp")
    shutil.copy(INVOICE, folder)
    pages = [text(f"Page {number}", "Herons stand in water") for number in range(1, 6)]
    (folder / "five.pdf").write_bytes(pdf(*pages))
    return folder


def over_streams(folder: Path, play: Play[T], era: Era = "auto", **variables: str) -> T:
    async def run() -> T:
        async with by_streams(folder, era, **variables) as client:
            return await play(client)

    return finished(run())


def over_http(url: str, play: Play[T], era: Era = "auto") -> T:
    async def run() -> T:
        async with connected(url, era) as client:
            return await play(client)

    return finished(run())


@pytest.fixture(scope="module")
def session(folder: Path) -> dict[str, Answered]:
    """Provide what the tools answer in one session over standard streams."""

    async def play(client: Client) -> dict[str, Answered]:
        told = {"convert": await call(client, "convert", path=str(folder / "five.pdf"))}
        of = told["convert"].found["id"]
        told["status"] = await call(client, "status", id=of)
        told["read"] = await call(client, "read_page", id=of, page=4)
        told["search"] = await call(client, "search", query="herons WATER")
        told["nothing"] = await call(client, "search", query="storks")
        told["relative"] = await call(client, "convert", path="invoice.pdf")
        told["chosen"] = await call(client, "convert", path=str(folder / "five.pdf"), pages="2,4-5")
        told["text"] = await call(
            client, "convert", content=TABLE, encoding="text", fileName="t.csv"
        )
        told["later"] = await call(client, "convert", path=str(LETTER), wait=0)
        told["url"] = await call(client, "convert", url=web.url("/table.csv"))
        told["waited"] = await call(client, "status", id=told["later"].found["id"], wait=300)
        return told

    with serving(reply(TABLE.encode())) as web:
        return over_streams(folder, play, URL_ALLOW="127.0.0.1")


def test_a_document_is_converted_and_read_page_by_page(session: dict[str, Answered]) -> None:
    converted, read = session["convert"].found, session["read"].found

    assert (converted["status"], converted["fileName"]) == ("completed", "five.pdf")
    assert [page["number"] for page in converted["pages"]] == [1, 2, 3, 4, 5]
    assert converted["pagesTotal"] == 5
    assert read["markdown"] == converted["pages"][3]["markdown"]
    assert "Page 4" in session["read"].texts[1]
    assert session["status"].found["status"] == "completed"


def test_progress_is_told_up_to_all_pages(session: dict[str, Answered]) -> None:
    done = [number for number, _ in session["convert"].progress]

    assert done == sorted(set(done))
    assert session["convert"].progress[-1] == (5.0, 5.0)


def test_words_are_found_in_what_the_session_has_converted(session: dict[str, Answered]) -> None:
    found = session["search"].found

    assert found["scope"] == "session"
    assert [one["id"] for one in found["documents"]] == [session["convert"].found["id"]]
    assert [match["page"] for match in found["documents"][0]["matches"]] == [1, 2, 3]
    assert session["nothing"].found["documents"] == []


def test_a_result_is_that_of_the_command(session: dict[str, Answered], folder: Path) -> None:
    (page,) = session["relative"].found["pages"]

    done = run_python("-m", "ilios", "convert", "invoice.pdf", environment=PATH, folder=folder)

    assert page["markdown"] == done.stdout
    assert session["relative"].texts[1] == f"<!-- page 1 -->\n\n{done.stdout}".strip()


def test_some_pages_of_a_document(session: dict[str, Answered]) -> None:
    found = session["chosen"].found

    assert [page["number"] for page in found["pages"]] == [2, 4, 5]
    assert found["pagesTotal"] == 3


@pytest.mark.parametrize(("how", "name"), [("text", "t.csv"), ("url", "table.csv")])
def test_a_text_is_what_its_name_says(session: dict[str, Answered], how: str, name: str) -> None:
    (page,) = session[how].found["pages"]

    assert session[how].found["fileName"] == name
    assert page["markdown"] == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_what_takes_longer_than_was_waited_goes_on(session: dict[str, Answered]) -> None:
    later, waited = session["later"].found, session["waited"].found

    assert (later["status"], later["pages"]) == ("pending", [])
    assert later["id"] in later["hint"]
    assert (waited["id"], waited["status"], waited["pagesTotal"]) == (later["id"], "completed", 1)


REFUSED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "no such file": ("convert", {"path": "/nowhere/a.pdf"}, "file_not_readable", "/nowhere/a.pdf"),
    "a folder": ("convert", {"path": str(SAMPLES)}, "file_not_readable", "no regular file"),
    "a device": ("convert", {"path": "/dev/zero"}, "file_not_readable", "no regular file"),
    "a password": ("convert", {"path": str(ENCRYPTED)}, "encrypted_document", "password"),
    "a URL of here": ("convert", {"url": "http://127.0.0.1:9/"}, "url_not_allowed", "URL_ALLOW"),
    "nothing": ("convert", {}, "invalid_arguments", "one of path, url and content"),
    "too much": ("convert", {"path": "a", "url": "b"}, "invalid_arguments", "one of"),
    "no base64": ("convert", {"content": "???"}, "invalid_arguments", "base64"),
    "wrong pages": ("convert", {"path": str(INVOICE), "pages": "3-1"}, "invalid_pages", "pages"),
    "no such page": ("convert", {"path": str(INVOICE), "pages": "9"}, "pages_out_of_range", "9"),
    "a long wait": ("convert", {"path": str(INVOICE), "wait": 9999}, "invalid_arguments", "wait"),
    "an unknown id": ("status", {"id": "x"}, "document_not_found", "No document"),
    "no page": ("read_page", {"id": "x"}, "invalid_arguments", "page"),
    "an unknown argument": ("search", {"query": "a", "limit": 1}, "invalid_arguments", "limit"),
}


@pytest.fixture(scope="module")
def refusals(folder: Path) -> dict[str, Answered]:
    async def play(client: Client) -> dict[str, Answered]:
        return {
            what: await call(client, tool, **arguments)
            for what, (tool, arguments, *_) in REFUSED.items()
        }

    return over_streams(folder, play)


@pytest.mark.parametrize("what", REFUSED)
def test_errors_have_a_code_and_a_remedy(refusals: dict[str, Answered], what: str) -> None:
    _, _, code, said = REFUSED[what]
    error = refusals[what].error

    assert error["code"] == code
    assert said in error["detail"]
    assert error["remedy"]


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with by_http(folder) as url:
        yield url


@pytest.mark.parametrize("era", ERAS)
def test_tools_and_their_schemas_are_told(folder: Path, url: str, era: Era) -> None:
    async def play(client: Client) -> Any:
        return client.instructions, (await client.list_tools()).tools

    said, by_stream = over_streams(folder, play, era)
    _, by_net = over_http(url, play, era)

    assert "since it began" in said
    assert [tool.name for tool in by_stream] == [tool.name for tool in by_net] == TOOLS
    assert all(tool.output_schema["properties"] and tool.description for tool in by_stream)
    assert {"path", "url", "content"} <= by_stream[0].input_schema["properties"].keys()
    assert "path" not in by_net[0].input_schema["properties"]
    assert "path" not in by_net[0].input_schema["properties"]["content"]["description"]


@pytest.mark.parametrize("era", ERAS)
def test_content_is_converted_over_http_with_progress(folder: Path, url: str, era: Era) -> None:
    content = base64.b64encode((folder / "five.pdf").read_bytes()).decode()

    async def play(client: Client) -> tuple[Answered, Answered]:
        converted = await call(client, "convert", content=content, fileName="five.pdf")
        return converted, await call(client, "read_page", id=converted.found["id"], page=5)

    converted, read = over_http(url, play, era)

    assert converted.found["pagesTotal"] == 5
    assert converted.progress[-1] == (5.0, 5.0)
    assert "Page 5" in read.found["markdown"]


def test_no_path_is_read_over_http(folder: Path, url: str) -> None:
    async def play(client: Client) -> Answered:
        return await call(client, "convert", path=str(folder / "five.pdf"))

    assert over_http(url, play).error["code"] == "path_not_read"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "attacker.example"}, 421),
        ({"Host": "attacker.example:80"}, 421),
        ({"Origin": "http://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_web_page_under_a_name_of_its_own_reaches_nothing(
    url: str, headers: dict[str, str], status: int
) -> None:
    said = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accepted = {"Accept": "application/json, text/event-stream"}

    answer = requests.post(url, json=said, headers={**accepted, **headers}, timeout=TIMEOUT_S)

    assert answer.status_code == status


def test_a_request_that_is_too_large_is_refused_before_it_is_read(url: str) -> None:
    from ilios.local.mcp.serving import BODY_MAX_BYTES

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    connection.putrequest("POST", parts.path)
    for header in (("Content-Type", "application/json"), ("Content-Length", BODY_MAX_BYTES + 1)):
        connection.putheader(*header)
    connection.endheaders()

    assert connection.getresponse().status == 413
    connection.close()


def test_a_name_that_others_use_has_to_be_named(folder: Path) -> None:
    said = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {}}

    with by_http(folder, "--allowed-host", "tools.example") as url:
        statuses = [
            requests.post(url, json=said, headers={"Host": host}, timeout=TIMEOUT_S).status_code
            for host in ("tools.example", "tools.example:8080", "other.example")
        ]

    assert 421 not in statuses[:2]
    assert statuses[2] == 421


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_it_waits_leaves_nothing(folder: Path, number: int) -> None:
    with environment(folder) as given:
        process = subprocess.Popen(
            COMMAND,
            env=given,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(INITIALIZE)
            process.stdin.flush()
            assert b"serverInfo" in process.stdout.readline()
            process.send_signal(number)

            assert process.wait(TIMEOUT_S) == 128 + number
            assert process.communicate() == (b"", b"")


def ilios_mcp(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_python("-m", "ilios", "mcp", *arguments, environment=PATH)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--port", "1"), "are of --http"),
        (("--http", "--host", "0.0.0.0"), "--allowed-host"),  # noqa: S104
    ],
)
def test_a_command_line_that_makes_no_sense_ends_with_2(
    arguments: tuple[str, ...], said: str
) -> None:
    done = ilios_mcp(*arguments)

    assert done.returncode == 2
    assert said in done.stderr


def test_a_port_that_is_taken_is_one_line(url: str) -> None:
    done = ilios_mcp("--http", "--port", str(urlsplit(url).port))

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "Address already in use" in line


WITHOUT = """
import sys
sys.modules["mcp"] = None
from ilios.cli.main import main
main(["mcp"])
"""


def test_without_the_extra_it_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "pip install 'ilios[mcp]'" in line
