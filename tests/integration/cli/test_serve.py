"""`ilios serve` and its halves, as processes: they are what start.sh and its halves are."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ilios.client import Ilios
from ilios.core.settings import Settings
from tests.support.api_server import free_port
from tests.support.forking import REPOSITORY
from tests.support.live_service import url_of
from tests.support.start_script import StartScript

ILIOS = (sys.executable, "-m", "ilios")
INVOICE = REPOSITORY / "samples" / "invoice.pdf"


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    """Provide settings of a data folder that is not there yet."""
    return Settings(data_dir=tmp_path / "new" / "data").model_copy(
        update={"port": free_port(), "web_concurrency": 1, "worker_count": 1}
    )


@pytest.fixture
def running() -> Iterator[ExitStack]:
    with ExitStack() as running:
        yield running


def started(
    running: ExitStack, settings: Settings, log: Path, *arguments: str, **variables: str
) -> StartScript:
    script = StartScript(settings, log, variables=variables, command=(*ILIOS, *arguments))
    return running.enter_context(closing(script))


def test_it_serves_on_an_empty_folder_and_ends_when_it_is_asked_to(
    empty: Settings, tmp_path: Path, running: ExitStack
) -> None:
    folder, port = str(empty.data_folder), str(empty.port)
    plain = Settings().model_copy(update={"port": empty.port})
    script = started(
        running, plain, tmp_path / "log", "serve", "--data-dir", folder, "--port", port
    )

    script.wait_until_ready()
    with Ilios(url_of(empty)) as client:
        assert "2026-0417" in client.convert(INVOICE)
    assert empty.database_path.stat().st_mode & 0o777 == 0o600
    script.process.send_signal(signal.SIGTERM)

    assert script.wait() == 0
    script.wait_until_nothing_is_left()


def test_its_halves_serve_alone_once_the_database_is_migrated(
    empty: Settings, tmp_path: Path, running: ExitStack
) -> None:
    refused = started(running, empty, tmp_path / "refused", "web")
    assert refused.wait() == 4
    assert "ilios migrate" in refused.log
    assert started(running, empty, tmp_path / "migration", "migrate").wait() == 0

    web = started(running, empty, tmp_path / "web", "web")
    workers = started(running, empty, tmp_path / "workers", "workers")

    web.wait_until_ready()
    with Ilios(url_of(empty)) as client:
        assert "2026-0417" in client.convert(INVOICE)
    for half in (web, workers):
        half.process.send_signal(signal.SIGTERM)
    assert (web.wait(), workers.wait()) == (0, 0)


def test_a_start_that_fails_is_one_line(
    empty: Settings, tmp_path: Path, running: ExitStack
) -> None:
    script = started(running, empty, tmp_path / "log", "serve", PORT="none", LOG_FORMAT="console")

    assert script.wait() == 1
    (line,) = script.lines
    assert line.startswith("ilios: PORT is 'none':")
