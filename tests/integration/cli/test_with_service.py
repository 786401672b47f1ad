"""Commands that ask a running service, and the client for programs: the same results as here."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ilios.client import ApiError, AsyncIlios, Ilios
from ilios.client.passages import passages
from ilios.core.settings import Settings
from tests.support import protected
from tests.support.commands import Operator
from tests.support.coroutines import finished
from tests.support.forking import REPOSITORY, run_python
from tests.support.hostile_archives import zipped
from tests.support.live_service import live_service, url_of
from tests.support.sample_files import noise, pdf, picture, text
from tests.support.web_servers import reply, serving

SAMPLES = REPOSITORY / "samples"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("service")
    with live_service(folder, url_allow="127.0.0.1") as settings:
        yield settings


@pytest.fixture(scope="module")
def key(service: Settings) -> str:
    done = Operator(service).run("keys", "create", "tester", "--json")
    return str(json.loads(done.stdout)["secret"])


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide a folder of documents, one with images, one of several pages."""
    folder = tmp_path_factory.mktemp("documents")
    for sample in SAMPLES.iterdir():
        shutil.copy(sample, folder)
    figure = text("A figure:") + picture(100, 300, 300, 200)
    (folder / "figure.pdf").write_bytes(pdf(figure, text("Next"), image=noise(600, 400)))
    return folder


def ilios(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **variables}
    return run_python("-m", "ilios", *arguments, environment=environment)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("form", ["markdown", "text"])
def test_results_are_the_same_here_and_by_a_service(
    service: Settings, key: str, documents: Path, tmp_path: Path, form: str
) -> None:
    images = ("--images",) if form == "markdown" else ()
    here, there = tmp_path / "here", tmp_path / "there"

    for folder, variables in (
        (here, {}),
        (there, {"ILIOS_SERVER": url_of(service), "ILIOS_API_KEY": key}),
    ):
        done = ilios("convert", documents, "-o", folder, "--format", form, *images, **variables)
        assert (done.returncode, done.stderr) == (0, "")

    assert contents(here) == contents(there)
    assert len(contents(here)) == 4 + bool(images)


def test_without_images_a_result_is_that_of_the_api_to_the_byte(
    service: Settings, key: str, documents: Path
) -> None:
    with Ilios(url_of(service), key) as client:
        answered = client.convert(documents / "scanned-letter.pdf")

    assert ilios("convert", documents / "scanned-letter.pdf").stdout == answered


def test_a_service_makes_the_other_forms(
    service: Settings, key: str, documents: Path, tmp_path: Path
) -> None:
    reached = ("--server", url_of(service), "--api-key", key)
    for form in ("json", "chunks", "zip", "html", "pdf"):
        done = ilios(
            "convert", documents / "figure.pdf", "-o", tmp_path, "--format", form, *reached
        )
        assert (done.returncode, done.stderr) == (0, "")

    assert json.loads((tmp_path / "figure.json").read_text())["pages"][0]["blocks"]
    assert zipfile.ZipFile(tmp_path / "figure.zip").testzip() is None
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert b'src="data:image/' in (tmp_path / "figure.html").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        "figure.json", "figure.chunks.jsonl", "figure.zip", "figure.html", "figure.pdf",
    }  # fmt: skip


def test_what_is_at_a_url_is_fetched_by_the_service(
    service: Settings, key: str, tmp_path: Path
) -> None:
    reached = {"ILIOS_SERVER": url_of(service), "ILIOS_API_KEY": key}
    invoice = SAMPLES / "invoice.pdf"
    with serving(reply(invoice.read_bytes())) as server:
        urls = [server.url("/a/invoice.pdf"), "http://10.0.0.1/secret.pdf"]
        done = ilios("convert", *urls, "-o", tmp_path, **reached)
        batch_id = ilios("batch", "submit", urls[0], **reached).stdout.strip()
        batch = ilios("batch", "status", batch_id, "--wait", **reached)
        with Ilios(url_of(service), key) as client:
            markdown = client.convert(url=urls[0])
            (page,) = passages(client, urls[0], "page", {})

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ilios: {urls[1]}: ")
    assert "URL_ALLOW" in line
    assert (tmp_path / "invoice.md").read_text() == ilios("convert", invoice).stdout
    assert batch.stdout == "completed: 1 completed of 1\n"
    assert markdown == page.text == (tmp_path / "invoice.md").read_text()
    assert page.metadata["file_name"] == "invoice.pdf"


def test_a_batch_is_of_files_or_of_urls(documents: Path) -> None:
    done = ilios("batch", "submit", documents / "invoice.pdf", "https://example.com/a.pdf")

    assert done.returncode == 2
    assert "not of both" in done.stderr


@pytest.mark.parametrize("wrong", ["key", "server"])
def test_what_the_service_says_is_the_line_of_each_document(
    service: Settings, key: str, documents: Path, wrong: str
) -> None:
    url, used = url_of(service), "wrong" if wrong == "key" else key
    if wrong == "server":
        url += "/elsewhere"

    done = ilios("convert", documents / "invoice.pdf", "--server", url, "--api-key", used)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ilios: {documents}/invoice.pdf: ")


def test_a_document_that_fails_there_is_one_line_too(
    service: Settings, key: str, documents: Path
) -> None:
    encrypted = REPOSITORY / "tests" / "samples" / "encrypted.pdf"

    done = ilios(
        "convert", encrypted, documents / "invoice.pdf", "--server", url_of(service),
        "--api-key", key,
    )  # fmt: skip

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "password" in line
    assert "2026-0417" in done.stdout


def test_a_password_goes_to_the_service(service: Settings, key: str) -> None:
    reached = {"ILIOS_SERVER": url_of(service), "ILIOS_API_KEY": key}

    done = ilios("convert", protected.path(), **reached, ILIOS_PASSWORD=protected.PASSWORD)
    refused = ilios("convert", protected.path(), **reached, ILIOS_PASSWORD=protected.WRONG)
    batch = ilios("batch", "submit", protected.path(), **reached, ILIOS_PASSWORD=protected.PASSWORD)
    status = ilios("batch", "status", batch.stdout.strip(), "--wait", **reached)

    assert protected.TEXT in done.stdout, done.stderr
    assert "does not open the PDF" in refused.stderr
    assert status.returncode == 0, status.stdout


def test_a_lost_answer_comes_with_what_its_command_can_do(documents: Path) -> None:
    lost = [reply(status="502 Bad Gateway"), reply(status="401 Unauthorized")]
    answers = iter([*lost, reply(b'{"batchId": "b"}'), *lost])

    def answer(connection: socket.socket, head: bytes) -> None:
        names, _, body = head.partition(b"\r\n\r\n")
        (length,) = re.findall(rb"(?i)content-length: (\d+)", names)
        while len(body) < int(length):
            body += connection.recv(65536)
        connection.sendall(next(answers))

    with serving(answer) as server:
        submit = ("batch", "submit", "https://example.com/a.pdf", "--server", server.url())
        done = ilios(*submit)
        key = server.header("Idempotency-Key")
        repeated = ilios(*submit, "--idempotency-key", str(key))
        converted = ilios("convert", documents / "invoice.pdf", "--server", server.url())

        assert server.header("Idempotency-Key", 2) == key
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(
        f"The same command with --idempotency-key {key} does not create it twice.\n"
    )
    assert (repeated.returncode, repeated.stdout) == (0, "b\n")
    assert converted.returncode == 1
    assert converted.stderr.endswith("The same command finds it there.\n")


@pytest.mark.parametrize("key", ["", " a", "ä", "a\nb"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    done = ilios("batch", "submit", "https://example.com/a.pdf", "--idempotency-key", key)

    assert done.returncode == 2
    assert "--idempotency-key" in done.stderr


def test_a_batch_is_submitted_followed_and_downloaded(
    service: Settings, key: str, documents: Path, tmp_path: Path
) -> None:
    reached = {"ILIOS_SERVER": url_of(service), "ILIOS_API_KEY": key}
    encrypted = REPOSITORY / "tests" / "samples" / "encrypted.pdf"

    batch_id = ilios("batch", "submit", encrypted, *documents.iterdir(), **reached).stdout.strip()
    status = ilios("batch", "status", batch_id, "--wait", **reached)
    lines = ilios("batch", "download", batch_id, **reached).stdout.splitlines()
    done = ilios(
        "batch", "download", batch_id, "--format", "zip", "-o", tmp_path / "b.zip", **reached
    )

    assert status.stdout.splitlines()[0] == "completed: 4 completed, 1 failed of 5"
    assert status.returncode == 1
    assert "encrypted.pdf: " in status.stdout
    assert {json.loads(line)["fileName"] for line in lines} == {
        "encrypted.pdf", *(path.name for path in documents.iterdir()),
    }  # fmt: skip
    assert done.returncode == 0
    assert zipfile.ZipFile(tmp_path / "b.zip").testzip() is None
    assert ilios("batch", "cancel", batch_id, **reached).returncode == 1  # too late
    refused = ilios("batch", "status", "nothing", **reached)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)


def test_usage_is_shown_as_the_service_counts_it(service: Settings) -> None:
    key = str(json.loads(Operator(service).run("keys", "create", "u", "--json").stdout)["secret"])
    reached = {"ILIOS_SERVER": url_of(service), "ILIOS_API_KEY": key}
    ilios("convert", SAMPLES / "invoice.pdf", **reached)

    assert ilios("usage", **reached).stdout == "1 documents, 1 pages, 0.000000 USD\n"
    by_model = ilios("usage", "--by", "model", **reached).stdout
    assert by_model == "embedded: 1 documents, 1 pages, 0.000000 USD\n"
    assert json.loads(ilios("usage", "--json", **reached).stdout)["summary"]["totalPages"] == 1


def test_the_client_does_what_the_api_does(service: Settings, key: str, documents: Path) -> None:
    with Ilios(url_of(service), key) as client:
        accepted = client.submit(documents / "figure.pdf", cache=False)
        status = client.wait(accepted["id"])
        result = client.result(accepted["id"], "json", include="blocks")
        (image,) = result["pages"][0]["images"]
        assert status["status"] == "completed"
        assert client.status(accepted["id"])["pagesTotal"] == 2
        assert client.result(accepted["id"], "text", pages="2") == "Next"
        assert client.image(accepted["id"], image["name"])[1:4] in (b"PNG", b"\xd8\xff\xe0")
        listed = client.pages(accepted["id"], limit=1)
        assert ([page["number"] for page in listed["pages"]], listed["nextCursor"]) == ([1], "2")
        assert client.page_image(accepted["id"], 2, width=200)[1:4] == b"PNG"
        assert client.convert(b"a,b\n1,2", file_name="t.csv").startswith("| a | b |")
        assert client.usage_by("day")["breakdown"]
        batch = client.batch([documents / "invoice.pdf", b"text"])
        assert client.wait_batch(batch["batchId"])["progress"]["completed"] == 2
        assert client.download_batch(batch["batchId"]).count(b"\n") == 2
        client.delete(accepted["id"])
        assert client.status(accepted["id"])["status"] == "deleted"


def test_an_archive_is_no_document_of_any_client(
    service: Settings, key: str, tmp_path: Path
) -> None:
    archive = tmp_path / "all.zip"
    archive.write_bytes(zipped(("a.txt", b"One"), ("b.txt", b"Two")))

    async def converted() -> None:
        async with AsyncIlios(url_of(service), key) as client:
            await client.convert(archive)

    with Ilios(url_of(service), key) as client:
        before = client.documents()["documents"]
        for attempt in (
            lambda: client.convert(archive),
            lambda: client.submit(archive),
            lambda: finished(converted()),
            lambda: list(passages(client, archive, "page", {})),
        ):
            with pytest.raises(ApiError) as refused:
                attempt()
            assert refused.value.code == "archive_needs_batch"
        told = ilios("convert", archive, ILIOS_SERVER=url_of(service), ILIOS_API_KEY=key)
        assert "`ilios batch submit`" in told.stderr
        assert client.documents()["documents"] == before
        assert client.batch([archive])["totalDocuments"] == 2


def test_the_client_for_asyncio_does_the_same(service: Settings, key: str, documents: Path) -> None:
    async def converted() -> list[Any]:
        async with AsyncIlios(url_of(service), key) as client:
            found: list[Any] = await asyncio.gather(
                client.convert(documents / "invoice.pdf"),
                client.convert(documents / "meeting-notes.docx", "json"),
                client.usage(),
            )
            return found

    invoice, notes, usage = finished(converted())

    assert "2026-0417" in invoice
    assert "Wanjiru" in notes["content"]
    assert usage["summary"]["totalDocuments"] >= 0
