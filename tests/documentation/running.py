"""Runs a block of commands as a reader would, in a folder that has what the pages presume."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.documentation.places import Surroundings, report
from tests.support import protected
from tests.support.api_server import free_port
from tests.support.externals import unavailable
from tests.support.forking import REPOSITORY
from tests.support.waiting import wait_until
from tests.unit.structure.code_blocks import Block, Place

TIMEOUT_S = 300.0
SAMPLES = REPOSITORY / "samples"
FILES = {
    "a.pdf": "invoice.pdf",
    "b.docx": "meeting-notes.docx",
    "docs/notes.docx": "meeting-notes.docx",
}
REPORTS = ("report.pdf", "long.pdf")
ARCHIVE = "reports.zip"
LOCKED = "contract.pdf"
SCHEMA = '{"type": "object", "properties": {"total": {"type": "string"}}}'
CURL = "fail-with-body\nsilent\nshow-error\n"
"""A refusal ends the block; no bar of progress."""
PLACEHOLDER = re.compile(r"(?<![\w$])KEY(?!\w)")
PORT = "1338"  #: of what pages let listen beside a service
ENDED = (0, 130, -signal.SIGINT, 2)
"""How a command that serves ends at Ctrl-C; 2 is how make tells of it."""


def run(block: Block, where: Surroundings, folder: Path) -> subprocess.CompletedProcess[str]:
    """Return how it ended."""
    cwd = _furnished(folder, where)
    return subprocess.run(
        _command(block, _text(block, where), folder),
        cwd=cwd,
        env=_variables(folder, where),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def run_in_checkout(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    """Do the same for what is only there: make, and its targets."""
    return subprocess.run(
        _command(block, block.text, folder),
        cwd=REPOSITORY,
        env={**os.environ, **_of_checkout(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def serve(block: Block, folder: Path) -> None:
    """Run what does not end by itself until it answers, then end it as Ctrl-C does.

    Raises AssertionError with what it said when it ends otherwise.
    """
    port = free_port()
    nowhere = Surroundings(variables={"PATH": os.environ["PATH"], "PORT": str(port)})
    cwd, variables = _furnished(folder, nowhere), _variables(folder, nowhere)
    if block.mark and block.mark.place is Place.SERVING_CHECKOUT:
        cwd, variables = REPOSITORY, {**os.environ, "PORT": str(port), **_of_checkout(folder)}
    with (folder / "said.txt").open("w+") as said:
        process = subprocess.Popen(
            _command(block, block.text.replace(PORT, str(port)), folder),
            cwd=cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until(lambda: process.poll() is not None or _answers(port), TIMEOUT_S)
            os.killpg(process.pid, signal.SIGINT)
            code = process.wait(TIMEOUT_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        assert code in ENDED, said.read()


def _furnished(folder: Path, where: Surroundings) -> Path:
    """Make a folder with the files of the pages, and a home; return it."""
    work = folder / "work"
    (work / "docs").mkdir(parents=True)
    for name, sample in FILES.items():
        shutil.copy(SAMPLES / sample, work / name)
    for name in REPORTS:
        (work / name).write_bytes(report())
    with zipfile.ZipFile(work / ARCHIVE, "w") as archive:
        for name, sample in FILES.items():
            archive.write(SAMPLES / sample, name)
    (work / LOCKED).write_bytes(protected.pdf())
    (work / "invoice.schema.json").write_text(SCHEMA)
    (work / "samples").symlink_to(SAMPLES)
    (work / ".venv").symlink_to(sys.prefix)
    if where.data is not None:
        (work / "data").symlink_to(where.data)
    (folder / "home").mkdir()
    (folder / "home" / ".curlrc").write_text(CURL)
    return work


def _command(block: Block, text: str, folder: Path) -> list[str]:
    if block.language == "python":
        return [sys.executable, "-c", text]
    if block.language == "javascript":
        if shutil.which("node") is None:
            unavailable("no node, which comes with npm")
        script = folder / "block.mjs"
        script.write_text(text)
        return ["node", str(script)]
    return ["bash", "-euo", "pipefail", "-c", text]


def _variables(folder: Path, where: Surroundings) -> dict[str, str]:
    programs = folder / "bin"
    programs.mkdir()
    (programs / "ilios").symlink_to(REPOSITORY / "bin" / "ilios")
    for name in ("python", "python3"):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (programs / name).chmod(0o755)
    path = f"{programs}:{where.variables.get('PATH', os.environ['PATH'])}"
    own = {"PATH": path, "HOME": str(folder / "home"), "PYTHONPATH": str(REPOSITORY)}
    own["PASSWORD"] = protected.PASSWORD
    return {**where.variables, **own}


def _of_checkout(folder: Path) -> dict[str, str]:
    return {"DATA_DIR": str(folder / "data"), "VENV": sys.prefix}


def _text(block: Block, where: Surroundings) -> str:
    """Return the block with this place's addresses and key for those of the pages."""
    text = block.text
    if where.url:
        text = text.replace("localhost:1337", where.url.removeprefix("http://"))
    for written, meant in where.words.items():
        text = text.replace(written, meant)
    return PLACEHOLDER.sub(where.key, text) if where.key else text


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status != http.client.SERVICE_UNAVAILABLE
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
