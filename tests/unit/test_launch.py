"""The start of the two halves, and what is ready before their fork."""

from __future__ import annotations

import os
import signal
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import pytest

from ilios import launch
from ilios.api import app
from ilios.core import forks, platform
from ilios.core.settings import Settings
from tests.support.forking import run_python
from tests.support.waiting import wait_for_ends


def _wait(_parent: int) -> None:
    signal.pause()


def test_the_first_half_is_ended_when_the_second_cannot_be_started(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[BaseProcess] = []

    def start(name: str, _target: forks.Target, *_args: object) -> BaseProcess:
        if started:
            raise BlockingIOError("no process left")
        started.append(forks.start(_wait, name, (os.getpid(),), leads_group=True))
        return started[0]

    monkeypatch.setattr(launch, "_start", start)

    with pytest.raises(BlockingIOError):
        launch._start_halves(settings)

    wait_for_ends([psutil.Process(started[0].pid)], timeout_s=20)
    started[0].join()
    assert started[0].exitcode == -signal.SIGTERM


def test_the_application_is_built_without_a_descriptor_that_a_fork_would_lose(
    settings: Settings,
) -> None:
    before = platform.open_descriptors()

    app.build(settings)

    assert platform.open_descriptors() <= before  # other threads may close theirs


IMPORTED_LATE = """
import sys
from ilios.core import settings
from ilios.engines import registry
from ilios.launch import _import_all, web_server
from ilios.storage import opening

loaded = settings.load()
_import_all(loaded)
server = web_server()
before = set(sys.modules)
registry.open_engines(loaded, "instance")["mistral"].client.rehearse()
opening.preload(loaded)
server.load_config()
print(sorted(set(sys.modules) - before))
"""


def test_engines_calls_store_and_gunicorn_import_nothing_more_after_the_fork(
    tmp_path: Path,
) -> None:
    done = run_python(
        "-c",
        IMPORTED_LATE,
        environment={
            **os.environ,
            "DATA_DIR": str(tmp_path),
            "OCR_ENGINE": "mistral",
            "MISTRAL_API_KEY": "key",
            "S3_BUCKET": "documents",
            "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "secret",
        },
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")
