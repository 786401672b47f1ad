"""`ilios convert` in the forms for which it starts a service of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ilios.core.settings import Settings
from tests.integration.cli.test_convert import ENDED, ENVIRONMENT, INTERRUPTED, INVOICE, convert
from tests.support.forking import run_python, start_python
from tests.support.live_service import live_service, url_of
from tests.support.sample_files import noise, pdf, picture, scan, text
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


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with live_service(tmp_path_factory.mktemp("service")) as settings:
        yield settings


@pytest.fixture
def documents(tmp_path: Path, form: str) -> Path:
    """Provide a folder of two documents, one with an image, that no other test has converted."""
    folder = tmp_path / "documents"
    folder.mkdir()
    figure = text("A figure:") + picture(100, 300, 300, 200)
    pages = pdf(figure, text("Next"), image=noise(600, 400))
    for name, content in (("invoice.pdf", INVOICE.read_bytes()), ("figure.pdf", pages)):
        (folder / name).write_bytes(content + b"\n% " + form.encode())
    return folder


def nothing_is_left(folder: Path) -> bool:
    """Return whether no process and no file of a run with this TMPDIR is there any more."""
    running = [one for one in psutil.process_iter() if _is_of(one, folder)]
    return not running and not any(folder.glob("ilios-*"))


def _is_of(process: psutil.Process, folder: Path) -> bool:
    try:
        at_home = process.environ().get("TMPDIR", "").startswith(str(folder))
    except psutil.Error:
        return False
    return at_home and not has_ended(process)


@pytest.mark.parametrize("form", ["json", "html", "chunks", "zip", "pdf"])
def test_each_form_is_that_of_a_service(
    service: Settings, documents: Path, tmp_path: Path, form: str
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"

    for folder, variables in (
        (here, OF_A_SERVICE),
        (there, {**ENVIRONMENT, "ILIOS_SERVER": url_of(service)}),
    ):
        done = run_python(
            "-m", "ilios", "convert", documents, "-o", folder, "--format", form,
            environment={**variables, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    assert nothing_is_left(tmp_path)
    names = sorted(path.name for path in there.iterdir())
    assert sorted(path.name for path in here.iterdir()) == names
    assert len(names) == 2
    for name in names:
        assert comparable(here / name) == comparable(there / name)


def comparable(path: Path) -> Any:
    """Return what a file says but for ids, times and the port of the service."""
    if path.suffix == ".json":
        return without_time(path.read_bytes())
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        return {
            name: without_time(part) if name.endswith(".json") else part
            for name, part in parts.items()
        }
    return LINK.sub(b"LINK", path.read_bytes())


def without_time(shown: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(LINK.sub(b"LINK", shown))
    assert fields.pop("id")
    fields.get("metadata", {}).pop("processingTimeMs", None)
    return fields


def test_a_document_that_fails_is_one_line_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\n" + bytes(500))
    (tmp_path / "mine.json").write_text("mine")
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    os.utime(tmp_path / "mine.csv", ns=(0, 0))

    done = convert(
        "broken.pdf", "mine.csv", INVOICE, "-o", ".", "--format", "json", folder=tmp_path
    )

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("ilios: broken.pdf: ")
    assert "2026-0417" in json.loads((tmp_path / "invoice.json").read_text())["content"]
    assert (tmp_path / "mine.json").read_text() == "mine"
    assert nothing_is_left(tmp_path)


def test_a_result_that_is_current_takes_no_service(tmp_path: Path) -> None:
    shutil.copy(INVOICE, tmp_path)
    os.utime(tmp_path / "invoice.pdf", ns=(0, 0))
    (tmp_path / "invoice.json").write_text("mine")

    done = convert(
        "invoice.pdf", "-o", ".", "--format", "json", "--url-allow", "10.0.0.0/33", folder=tmp_path
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_at_a_url_is_fetched_if_that_is_allowed(tmp_path: Path) -> None:
    with serving(reply(b"a,b\n1,2\n")) as server:
        url = server.url("/table.csv")
        allowed = ("--url-allow", f"127.0.0.1:{server.port}")
        done = convert(url, "--format", "html", *allowed, folder=tmp_path)
        refused = convert(url, "--format", "html", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert "<table>" in done.stdout
    assert (refused.returncode, refused.stdout) == (1, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"ilios: {url}: ")
    assert "URL_ALLOW" in line


def test_a_service_that_does_not_start_says_why(tmp_path: Path) -> None:
    done = convert(
        "http://127.0.0.1/a.pdf", "--format", "json", "--url-allow", "10.0.0.0/33", folder=tmp_path
    )

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("ilios: the service for this run did not start: URL_ALLOW is ")
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("moment", ["start", "conversion"])
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, INTERRUPTED),
        (signal.SIGTERM, ENDED),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_nothing_is_left_whatever_ends_it(
    tmp_path: Path, number: int, code: int, moment: str
) -> None:
    letters = [tmp_path / f"{place}.png" for place in range(12)]
    for place, path in enumerate(letters):
        scan([f"Letter {place}", "with some lines", "of text"]).save(path)
    out = tmp_path / "out"
    awaited: dict[str, Callable[[], bool]] = {
        "start": lambda: any(tmp_path.glob("ilios-*/data")),
        "conversion": lambda: out.exists() and any(out.iterdir()),
    }
    with (tmp_path / "log").open("wb") as log:
        process = start_python(
            "-m", "ilios", "convert", *letters, "-o", out, "--format", "json",
            environment={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}, stdout=log,
        )  # fmt: skip
        wait_until(awaited[moment], 120)
        process.send_signal(number)

        assert process.wait(60) == code, (tmp_path / "log").read_text()

    if number == signal.SIGKILL:  # then nobody waits for the rest
        wait_until(lambda: nothing_is_left(tmp_path), 60)
    assert nothing_is_left(tmp_path)
    assert (tmp_path / "log").read_text() == ""
    for path in out.glob("*.json"):
        assert "of text" in json.loads(path.read_text())["content"]


def test_the_service_ends_with_the_program_that_keeps_it(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = start_python(
            "-m", "ilios", "convert", INVOICE, "--format", "json",
            environment={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}, stdout=log,
        )  # fmt: skip
        wait_until(lambda: any(tmp_path.glob("ilios-*/data")), 120)
        (keeper,) = psutil.Process(process.pid).children()
        keeper.kill()

        assert process.wait(60) == 1
    wait_until(lambda: not any(_is_of(one, tmp_path) for one in psutil.process_iter()), 60)
    assert "did not start" in (tmp_path / "log").read_text()


def test_a_schema_needs_a_service_with_mistral(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text("{}")

    done = convert(INVOICE, "--format", "json", "--schema", "schema.json", folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: --schema needs a service with Mistral: name it with --server."
    )
