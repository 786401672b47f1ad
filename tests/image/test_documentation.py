"""Blocks of the documentation that drive a container engine do what their page says, by podman."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ilios.core import ids
from tests.image.building import IMAGE
from tests.image.containers import COMMAND_TIMEOUT_S, OURS, READY_TIMEOUT_S, Container, podman
from tests.support.api_server import free_port
from tests.support.forking import REPOSITORY
from tests.support.waiting import wait_until
from tests.unit.structure.code_blocks import Block, Mark, Place, commands

INVOICE = REPOSITORY / "samples" / "invoice.pdf"
BLOCKS = [(one, mark) for one, mark in commands() if mark.place is Place.CONTAINER]
RESTORE = "ilios-restored"
CONVERT_TIMEOUT_S = 60.0
ENGINE = """\
#!/bin/sh
case $1 in
run) shift; exec podman run {ours} "$@" ;;
build) shift; exec buildah bud --layers --format=docker --isolation=chroot --pull=never \\
    --build-arg=BASE_IMAGE={base} "$@" ;;
*) exec podman "$@" ;;
esac
"""
"""What `docker` is here: as building.py and containers.py call the two."""


class Reader:
    """Somebody with a checkout, and a container that serves, under names of this test's own."""

    def __init__(self, folder: Path, base: str) -> None:
        self.folder = folder
        self.port = free_port()
        self._name = f"ilios-test-{ids.new_id()}"
        self._variables = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
        (folder / "bin").mkdir()
        engine = folder / "bin" / "docker"
        engine.write_text(ENGINE.format(ours=" ".join(OURS), base=base))
        engine.chmod(0o755)
        for name in (".env.example", ".env"):
            shutil.copy(REPOSITORY / ".env.example", folder / name)

    def start(self) -> None:
        """Run the container and convert a document, which pages call `$id`."""
        volume = f"--volume={self._name}-data:/data"
        published = f"--publish=127.0.0.1:{self.port}:1337"
        Container(published, volume, f"--name={self._name}", port=self.port).wait_until_ready()
        with INVOICE.open("rb") as file:
            url = f"http://127.0.0.1:{self.port}/v1/convert"
            answer = requests.post(url, files={"file": file}, timeout=CONVERT_TIMEOUT_S)
        answer.raise_for_status()
        self._variables |= {
            "id": answer.headers["X-Document-Id"],
            "request_id": answer.headers["X-Request-ID"],
        }

    def run(self, block: Block) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._text(block.text)],
            cwd=self.folder,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
        )

    def document(self) -> str:
        """Return the result of the document that `start` has converted."""
        wait_until(self._is_ready, READY_TIMEOUT_S)
        url = f"http://127.0.0.1:{self.port}/api/documents/{self._variables['id']}"
        answer = requests.get(url, timeout=CONVERT_TIMEOUT_S)
        answer.raise_for_status()
        return answer.text

    def close(self) -> None:
        podman("rm", "--force", "--time=0", "--ignore", self._name)
        for volume in (f"{self._name}-data", f"{self._name}-restored"):
            podman("volume", "rm", "--force", volume)

    def _is_ready(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            url = f"http://127.0.0.1:{self.port}/readyz"
            return requests.get(url, timeout=CONVERT_TIMEOUT_S).ok
        return False

    def _text(self, text: str) -> str:
        """Return a block with our names of the image, the container and its volumes."""
        for pattern, ours in (
            (r"(?<=docker build -t )ilios \.", f"{IMAGE} {REPOSITORY}"),
            (r"(?<=docker (?:exec|logs|stop) )ilios\b", self._name),
            (r"(?<=docker rm )ilios\b", self._name),
            (r"(?<=docker cp )ilios:", f"{self._name}:"),
            (r"(?<=docker cp \")ilios:", f"{self._name}:"),
            (r"(?<=--name )ilios\b", self._name),
            (r"\bilios-(?=data|restored)", f"{self._name}-"),
            (r"(?<=unless-stopped )ilios(:new)?\b", IMAGE),
            (r"(?<=--entrypoint ilios )ilios\b", IMAGE),
            (r"\b1337:1337\b", f"127.0.0.1:{self.port}:1337"),
            (r"\blocalhost:1337\b", f"127.0.0.1:{self.port}"),
        ):
            text = re.sub(pattern, ours, text)
        return text


@pytest.fixture
def reader(tmp_path: Path, base: str) -> Iterator[Reader]:
    reader = Reader(tmp_path, base)
    yield reader
    reader.close()


@pytest.mark.parametrize(
    ("block", "mark"),
    [(one, mark) for one, mark in BLOCKS if RESTORE not in one.text],
    ids=[str(one) for one, _ in BLOCKS if RESTORE not in one.text],
)
def test_it_runs_and_prints_what_it_should(block: Block, mark: Mark, reader: Reader) -> None:
    if "docker build" not in block.text:  # which runs the first container
        reader.start()

    done = reader.run(block)

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert mark.prints in done.stdout, f"{done.stdout}\n{done.stderr}"


def test_a_backup_that_is_restored_has_the_documents(reader: Reader) -> None:
    of_backup = [one for one, _ in BLOCKS if one.page.name == "backup.md"]
    reader.start()
    before = reader.document()

    for block in of_backup:
        done = reader.run(block)
        assert done.returncode == 0, f"{block}: {done.stdout}\n{done.stderr}"

    assert len(of_backup) == 2
    assert reader.document() == before
