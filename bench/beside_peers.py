"""Queues and converters of others, run on this machine beside the service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

from bench import pdfs
from bench.service import HEADERS, REPOSITORY, Service, multipart, running
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer

PYTHON = REPOSITORY / ".venv-bench/bin/python"
QUEUES = ("huey", "procrastinate", "dramatiq")
SERVERS = {"dramatiq": "redis-server"}  #: what must be installed beside the Python packages
LONGEST_SECONDS = 600
SAMPLES = ("invoice.pdf", "meeting-notes.docx")


def queue(name: str, jobs: int, latency_ms: int | None, document_kib: int) -> dict[str, float]:
    """Return the seconds of a peer's jobs, each with a call of so long, or with nothing to do.

    Raises FileNotFoundError when the server that it needs is not installed.
    """
    if name in SERVERS and not shutil.which(SERVERS[name]):
        raise FileNotFoundError(f"{SERVERS[name]} is not installed")
    command = ["-m", "bench.peers", name, "--jobs", str(jobs)]
    if latency_ms is None:
        return _run(command)
    with MistralServer(latency_ms=latency_ms) as provider, tempfile.TemporaryDirectory() as folder:
        path = pdfs.write(Path(folder) / "one.pdf", 1, padding=1024 * document_kib)
        command += ["--provider", provider.url, "--key", API_KEY, "--document", str(path)]
        return _run(command)


def queue_on(url: str, server_pid: int, jobs: int, threads: int, slots: int) -> dict[str, float]:
    """Return the seconds of procrastinate's jobs of nothing in a database of a server that runs."""
    settings = {
        "PEER_POSTGRES": url,
        "PEER_POSTGRES_PID": str(server_pid),
        "PEER_SLOTS": str(slots),
    }
    command = ["-m", "bench.peers", "procrastinate", "--jobs", str(jobs)]
    return _run([*command, "--threads", str(threads)], **settings)


def markitdown() -> dict[str, float]:
    """Return milliseconds of processor time for each sample, in a process that is warm."""
    samples = [str(REPOSITORY / "samples" / name) for name in SAMPLES]
    seconds = _run(["-m", "bench.peers.markitdown_time", *samples])
    return {kind: 1000 * each for kind, each in seconds.items()}


def embedded(times: int) -> dict[str, float]:
    """Return the same of the service: HTTP, storing, queue, parser and answer included."""
    milliseconds = {}
    with running(OCR_ENGINE="embedded") as service:
        for name in SAMPLES:
            sample = REPOSITORY / "samples" / name
            for number in range(-4, 0):
                _convert(service, sample, number)
            before = service.cpu_seconds()
            for number in range(times):
                _convert(service, sample, number)
            milliseconds[sample.suffix] = 1000 * (service.cpu_seconds() - before) / times
    return milliseconds


def _convert(service: Service, sample: Path, number: int) -> None:
    content = _different(sample, f"{number} {time.monotonic_ns()}".encode())
    connection = service.connect()
    connection.request("POST", "/v1/convert", multipart(sample.name, content), HEADERS)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status == 200, text


def _different(sample: Path, mark: bytes) -> bytes:
    """Return the file with a comment of its own: equal files are converted once."""
    if sample.suffix == ".pdf":
        return sample.read_bytes() + b"\n%" + mark + b"\n"
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(sample, folder)
        with zipfile.ZipFile(copy, "a") as archive:
            archive.comment = mark
        return Path(copy).read_bytes()


def _run(command: list[str], **settings: str) -> dict[str, float]:
    done = subprocess.run(
        [PYTHON, *command],
        cwd=REPOSITORY,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        timeout=LONGEST_SECONDS,
        check=True,
    )
    printed: dict[str, float] = json.loads(done.stdout)
    return printed
