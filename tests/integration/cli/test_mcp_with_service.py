"""`ilios mcp --server`, with the SDK's own client and a running service."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ilios.client import Ilios
from ilios.core.settings import Settings
from tests.support.commands import Operator
from tests.support.coroutines import finished
from tests.support.forking import REPOSITORY
from tests.support.hostile_archives import zipped
from tests.support.live_service import live_service, url_of
from tests.support.mcp_clients import Answered, by_http, by_streams, call, connected
from tests.support.sample_files import noise, pdf, picture, text
from tests.support.web_servers import reply, serving

if TYPE_CHECKING:
    from mcp import Client

Answers = dict[str, Answered]
INVOICE = REPOSITORY / "samples" / "invoice.pdf"
ENCRYPTED = REPOSITORY / "tests" / "samples" / "encrypted.pdf"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("service")
    with live_service(folder, url_allow="127.0.0.1") as settings:
        yield settings


@pytest.fixture(scope="module")
def reached(service: Settings) -> dict[str, str]:
    """Provide the variables by which the service is reached."""
    done = Operator(service).run("keys", "create", "tester", "--json")
    return {"ILIOS_SERVER": url_of(service), "ILIOS_API_KEY": json.loads(done.stdout)["secret"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mcp")
    shutil.copy(INVOICE, folder)
    (folder / "all.zip").write_bytes(zipped(("a.txt", b"One"), ("b.txt", b"Two")))
    figure = text("A figure:") + picture(100, 300, 300, 200)
    (folder / "figure.pdf").write_bytes(pdf(figure, text("Next"), image=noise(600, 400)))
    return folder


def over_streams(
    folder: Path, reached: dict[str, str], play: Callable[[Client], Awaitable[Answers]]
) -> Answers:
    async def run() -> Answers:
        async with by_streams(folder, "auto", **reached) as client:
            return await play(client)

    return finished(run())


@pytest.fixture(scope="module")
def session(folder: Path, reached: dict[str, str]) -> Answers:
    async def play(client: Client) -> Answers:
        told = {"convert": await call(client, "convert", path=str(folder / "figure.pdf"))}
        of = told["convert"].found["id"]
        told["status"] = await call(client, "status", id=of)
        told["read"] = await call(client, "read_page", id=of, page=2)
        told["search"] = await call(client, "search", query="figure")
        told["chosen"] = await call(client, "convert", path=str(folder / "figure.pdf"), pages="2")
        told["url"] = await call(client, "convert", url=web.url("/table.csv"))
        told["later"] = await call(client, "convert", path=str(INVOICE), wait=0)
        told["waited"] = await call(client, "status", id=told["later"].found["id"], wait=300)
        told["no page"] = await call(client, "read_page", id=of, page=3)
        told["no document"] = await call(client, "status", id="a" * 24)
        told["no file"] = await call(client, "convert", path="gone.pdf")
        told["archive"] = await call(client, "convert", path=str(folder / "all.zip"))
        told["password"] = await call(client, "convert", path=str(ENCRYPTED))
        return told

    with serving(reply(b"a,b\n1,2\n")) as web:
        return over_streams(folder, reached, play)


def test_the_service_converts_and_keeps_documents(
    session: Answers, reached: dict[str, str]
) -> None:
    found = session["convert"].found

    with Ilios(reached["ILIOS_SERVER"], reached["ILIOS_API_KEY"]) as client:
        state, page = client.status(found["id"]), client.page(found["id"], 2)
    assert (state["status"], state["fileName"]) == ("completed", "figure.pdf")
    assert [one["number"] for one in found["pages"]] == [1, 2]
    assert found["pages"][1]["markdown"] == page["markdown"] == session["read"].found["markdown"]
    assert session["status"].found["pagesDone"] == 2
    assert session["convert"].progress[-1] == (2.0, 2.0)


def test_images_are_names(session: Answers) -> None:
    markdown = session["convert"].found["pages"][0]["markdown"]

    assert "](page-1-image-1.jpg)" in markdown


def test_its_search_finds_documents_of_the_key(session: Answers) -> None:
    found = session["search"].found
    (document,) = [one for one in found["documents"] if one["id"] == session["convert"].found["id"]]

    assert (found["scope"], found["hasMore"]) == ("service", False)
    assert document["matches"][0]["page"] == 1
    assert "A figure" in document["matches"][0]["snippet"]


def test_it_fetches_a_url(session: Answers) -> None:
    (page,) = session["url"].found["pages"]

    assert page["markdown"] == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_numbers_are_those_of_the_document(session: Answers) -> None:
    assert [page["number"] for page in session["chosen"].found["pages"]] == [2]


def test_what_takes_longer_than_was_waited_goes_on(session: Answers) -> None:
    later, waited = session["later"].found, session["waited"].found

    assert later["id"] == waited["id"]
    assert waited["status"] == "completed"


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("no page", "page_not_found"),
        ("no document", "document_not_found"),
        ("no file", "file_not_readable"),
        ("password", "encrypted_document"),
        ("archive", "archive_needs_batch"),
    ],
)
def test_errors_have_the_codes_of_the_api(session: Answers, what: str, code: str) -> None:
    assert session[what].error["code"] == code


def test_a_wrong_key_is_a_tool_error_with_a_remedy(folder: Path, reached: dict[str, str]) -> None:
    async def play(client: Client) -> Answers:
        return {"search": await call(client, "search", query="figure")}

    answers = over_streams(folder, {**reached, "ILIOS_API_KEY": "wrong"}, play)

    error = answers["search"].error
    assert error["code"] == "unauthorized"
    assert "ILIOS_API_KEY" in error["remedy"]


def test_over_http_the_service_converts_content(
    service: Settings, reached: dict[str, str], folder: Path
) -> None:
    content = base64.b64encode(INVOICE.read_bytes()).decode()
    key = {"ILIOS_API_KEY": reached["ILIOS_API_KEY"]}

    async def run(url: str) -> Answered:
        async with connected(url) as client:
            return await call(client, "convert", content=content, fileName="invoice.pdf")

    with by_http(folder, "--server", url_of(service), **key) as url:
        answered = finished(run(url))

    assert "Invoice 2026-0417" in answered.found["pages"][0]["markdown"]
    assert answered.found["fileName"] == "invoice.pdf"
