"""Engines of the tests: they behave as a test asks, in real worker processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ilios.conversion_errors import EngineFailed
from ilios.engines.base import Conversion, Options, Page, Progress, Source, Usage
from ilios.engines.embedded.engine import EmbeddedEngine
from ilios.settings import Settings
from ilios.worker import EngineFactory

POLL_SECONDS = 0.01


def converted(text: str) -> Conversion:
    return Conversion((Page(index=0, markdown=text),), Usage(pages=1, model="test"))


class EchoEngine:
    """Answers at once with the text that it was given."""

    name = "test"
    model = "test"
    concurrency = 16

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_folder

    def convert(
        self, source: Source, options: Options, workspace: Path, progress: Progress
    ) -> Conversion:
        return converted(source.path.read_text())

    def close(self) -> None:
        """Nothing is held."""


class WaitingEngine(EchoEngine):
    """Waits until the file `release` stands in the data folder."""

    def convert(
        self, source: Source, options: Options, workspace: Path, progress: Progress
    ) -> Conversion:
        while not (self._folder / "release").exists():
            time.sleep(POLL_SECONDS)
        return converted(source.path.read_text())


class SlowEngine(EchoEngine):
    """Takes a while for each document."""

    def convert(
        self, source: Source, options: Options, workspace: Path, progress: Progress
    ) -> Conversion:
        time.sleep(0.05)
        return converted(source.path.read_text())


class FailingEngine(EchoEngine):
    """Fails in a way that another attempt might cure."""

    def convert(
        self, source: Source, options: Options, workspace: Path, progress: Progress
    ) -> Conversion:
        raise EngineFailed("Out of order.")


class SuicidalEngine(EchoEngine):
    """Takes its worker with it when the document says so."""

    def convert(
        self, source: Source, options: Options, workspace: Path, progress: Progress
    ) -> Conversion:
        if source.path.read_text() == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return converted(source.path.read_text())


def unable_to_boot(_settings: Settings) -> EchoEngine:
    raise RuntimeError("no engine today")


ENGINES: dict[str, EngineFactory] = {
    "echo": EchoEngine,
    "waiting": WaitingEngine,
    "slow": SlowEngine,
    "failing": FailingEngine,
    "suicidal": SuicidalEngine,
    "unbootable": unable_to_boot,
    "embedded": EmbeddedEngine,
}
