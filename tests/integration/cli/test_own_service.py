"""`ilios convert` in the forms for which it starts a service of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest

from ilios.core import data_folder
from ilios.local.by_service import ByService
from ilios.local.converter import Order
from ilios.local.inputs import find
from ilios.local.own_service import OwnService
from tests.integration.cli.test_convert import ENDED, ENVIRONMENT, INTERRUPTED, INVOICE, convert
from tests.support.forking import run_python, start_python
from tests.support.live_service import live_service, url_of
from tests.support.sample_files import noise, pdf, picture, scan, text
from tests.support.terminals import shown_on
from tests.support.waiting import has_ended, wait_until
from tests.support.web_servers import reply, serving

OF_A_SERVICE = {
    **ENVIRONMENT,
    "OCR_ENGINE": "mistral",
    "MISTRAL_API_KEY": "wrong",
    "S3_BUCKET": "nobody's",
    "AWS_ENDPOINT_URL_S3": "no URL",
    "USE_EMBEDDED_REPLICA": "true",
    "GUNICORN_CMD_ARGS": "--no-such-option",
    "URL_ALLOW": "10.0.0.0/33",
    "HTTP_PROXY": "http://127.0.0.1:9/",
}
"""Each of them would keep a service from its start, or a client from a service."""
LINK = re.compile(rb"(http://127\.0\.0\.1:\d+)?/api/documents/[a-z0-9]{24}\b")
START_S = END_S = 120  #: at most, on a machine that does much else


@pytest.fixture
def place() -> Iterator[Path]:
    """Provide a folder that is no deeper than where temporary ones are: a socket fits into it."""
    with tempfile.TemporaryDirectory(prefix="t") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OwnService, ByService]]:
    """Provide one of a command, and one that somebody runs, with a client."""
    with (
        live_service(tmp_path_factory.mktemp("service")) as settings,
        closing(ByService(url_of(settings), None)) as there,
        closing(OwnService(2)) as here,
    ):
        yield here, there


def left(folder: Path) -> list[Any]:
    """Return the processes and files that are there of a run with this TMPDIR."""
    running = [one for one in psutil.process_iter() if _is_of(one, folder)]
    return [*running, *folder.glob("ilios-*")]


def _is_of(process: psutil.Process, folder: Path) -> bool:
    try:
        at_home = process.environ().get("TMPDIR", "").startswith(str(folder))
    except psutil.Error:
        return False
    return at_home and not has_ended(process)


@pytest.mark.parametrize("form", ["json", "html", "chunks", "zip", "pdf"])
def test_each_form_is_that_of_a_service(
    services: tuple[OwnService, ByService], tmp_path: Path, form: str
) -> None:
    figure = text("A figure:") + picture(100, 300, 300, 200)
    (tmp_path / "figure.pdf").write_bytes(pdf(figure, text("Next"), image=noise(600, 400)))
    fields = {"include": "blocks"} if form == "pdf" else {}

    found = find(map(str, (INVOICE, tmp_path / "figure.pdf")), stdin_name="", results=None)
    assert len(found.documents) == 2
    for document in found.documents:
        made = [one.convert(document, Order.of(form, None, fields), None) for one in services]

        here, there = (comparable(form, b"".join(blocks)) for blocks in made)
        assert here == there


def comparable(form: str, content: bytes) -> Any:
    """Return what a result says but for ids, times and the port of the service."""
    if form == "json":
        return without_time(content)
    if form == "zip":
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        return {
            name: without_time(part) if name.endswith(".json") else part
            for name, part in parts.items()
        }
    return LINK.sub(b"LINK", content)


def without_time(shown: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(LINK.sub(b"LINK", shown))
    assert fields.pop("id")
    fields["metadata"].pop("processingTimeMs")
    return fields


def test_neither_settings_of_a_service_nor_a_deep_folder_keep_it_from_its_start(
    tmp_path: Path,
) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()

    done = run_python(
        "-m", "ilios", "convert", INVOICE, "--format", "json",
        environment={**OF_A_SERVICE, "TMPDIR": str(deep)},
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert "2026-0417" in json.loads(done.stdout)["content"]
    assert left(deep) == []


def test_a_document_that_fails_is_one_line_and_the_others_go_on(place: Path) -> None:
    (place / "broken.pdf").write_bytes(b"%PDF-1.7\n" + bytes(500))
    (place / "mine.json").write_text("mine")
    (place / "mine.csv").write_text("a,b\n1,2\n")
    os.utime(place / "mine.csv", ns=(0, 0))

    done = convert("broken.pdf", "mine.csv", INVOICE, "-o", ".", "--format", "json", folder=place)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("ilios: broken.pdf: ")
    assert "2026-0417" in json.loads((place / "invoice.json").read_text())["content"]
    assert (place / "mine.json").read_text() == "mine"
    assert left(place) == []


def test_a_result_that_is_current_takes_no_service(tmp_path: Path) -> None:
    shutil.copy(INVOICE, tmp_path)
    os.utime(tmp_path / "invoice.pdf", ns=(0, 0))
    (tmp_path / "invoice.json").write_text("mine")

    done = convert(
        "invoice.pdf", "-o", ".", "--format", "json", "--url-allow", "10.0.0.0/33", folder=tmp_path
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_at_a_url_is_fetched_if_that_is_allowed(place: Path) -> None:
    with serving(reply(b"a,b\n1,2\n")) as server, serving(reply(b"secret")) as refusing:
        url, refused = server.url("/table.csv"), refusing.url("/a.csv")
        allowed = ("--url-allow", f"127.0.0.1:{server.port}")
        done = convert(refused, url, "--format", "html", *allowed, folder=place)

    assert done.returncode == 1
    assert "<table>" in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ilios: {refused}: ")
    assert "URL_ALLOW" in line
    assert not refusing.requests


def test_a_terminal_is_told_that_a_service_starts_and_why_it_does_not(place: Path) -> None:
    terminal, theirs = pty.openpty()
    with (place / "out").open("wb") as output, os.fdopen(theirs, "wb") as errors:
        process = start_python(
            "-m", "ilios", "convert", "http://127.0.0.1/a.pdf", "--format", "json",
            environment={**ENVIRONMENT, "URL_ALLOW": "10.0.0.0/33", "TMPDIR": str(place)},
            stdout=output, stderr=errors,
        )  # fmt: skip
        assert process.wait(START_S) == 1
    shown = shown_on(terminal).decode()

    assert shown.startswith("--format json starts a service for this run: a few seconds.\r\n")
    assert "ilios: the service for this run did not start: URL_ALLOW is " in shown
    assert (place / "out").read_bytes() == b""
    assert left(place) == []


@pytest.mark.parametrize(
    ("number", "code", "moment"),
    [
        (signal.SIGINT, INTERRUPTED, "start"),
        (signal.SIGTERM, ENDED, "conversion"),
        (signal.SIGKILL, -signal.SIGKILL, "start"),
        (signal.SIGKILL, -signal.SIGKILL, "conversion"),
    ],
)
def test_nothing_is_left_whatever_ends_it(place: Path, number: int, code: int, moment: str) -> None:
    letters = [place / f"{letter}.png" for letter in range(12)]
    for letter, path in enumerate(letters):
        scan([f"Letter {letter}", "with some lines", "of text"]).save(path)
    out, log_path = place / "out", place / "log"
    awaited: dict[str, Callable[[], bool]] = {
        "start": lambda: any(place.glob("ilios-*/data")),
        "conversion": lambda: out.exists() and any(out.iterdir()),
    }
    with log_path.open("wb") as log:
        process = start_python(
            "-m", "ilios", "convert", *letters, "-o", out, "--format", "json",
            environment={"PATH": os.environ["PATH"], "TMPDIR": str(place)}, stdout=log,
        )  # fmt: skip
        wait_until(awaited[moment], START_S)
        counts = data_folder.in_shared_memory(*place.glob("ilios-*/data"))
        process.send_signal(number)

        assert process.wait(END_S) == code, log_path.read_text()

    if number == signal.SIGKILL:  # then nobody waits for the rest
        wait_until(lambda: not left(place), END_S)
    assert left(place) == []
    assert not counts.exists()
    assert log_path.read_text() == ""
    for path in out.glob("*.json"):
        assert "of text" in json.loads(path.read_text())["content"]


def test_the_service_ends_with_the_program_that_keeps_it(place: Path) -> None:
    log_path = place / "log"
    with log_path.open("wb") as log:
        process = start_python(
            "-m", "ilios", "convert", INVOICE, "--format", "json",
            environment={"PATH": os.environ["PATH"], "TMPDIR": str(place)}, stdout=log,
        )  # fmt: skip
        wait_until(lambda: any(place.glob("ilios-*/data")), START_S)
        (keeper,) = psutil.Process(process.pid).children()
        keeper.kill()

        assert process.wait(END_S) == 1
    wait_until(lambda: not any(_is_of(one, place) for one in psutil.process_iter()), END_S)
    assert "did not start" in log_path.read_text()


def test_a_schema_needs_a_service_with_mistral(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text("{}")

    done = convert(INVOICE, "--format", "json", "--schema", "schema.json", folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: --schema needs a service with Mistral: name it with --server."
    )
