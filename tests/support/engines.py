"""Engines of the tests: they behave as a test asks, in real worker processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from ilios.core import data_folder
from ilios.core.conversion_errors import EngineFailed
from ilios.core.settings import Settings
from ilios.engines.base import (
    Conversion,
    Engine,
    Keep,
    Mark,
    Options,
    Page,
    Part,
    Plan,
    Progress,
    Source,
    Usage,
)
from ilios.engines.page_selection import PageSelection
from ilios.engines.parser_messages import Message
from ilios.engines.parser_pool import ParserPool
from ilios.engines.registry import EMBEDDED, EngineFactory, open_engines

POLL_SECONDS = 0.01
CALLED = "called"  #: in the workspace of a job whose engine waits


def converted(text: str) -> Conversion:
    return Conversion((Page(index=0, markdown=text),), Usage(pages=1, model="test"))


class EchoEngine:
    """Answers at once with the text that it was given."""

    name = EMBEDDED
    is_paid = False
    concurrency = 16

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_folder

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion | bytes:
        return converted(part.source.path.read_text())

    def model(self, options: Options) -> str:
        return "test"

    def plan(
        self,
        source: Source,
        pages: PageSelection | None,
        workspace: Path,
        *,
        in_one_call: bool = False,
    ) -> Plan:
        return Plan(None, (Part(source, None),))

    def read(
        self, answer: bytes, part: Part, options: Options, workspace: Path, mark: Mark
    ) -> Conversion:
        raise NotImplementedError("nothing is kept")

    def stop(self, workspace: Path) -> None:
        """Do nothing: nothing is parsed."""

    def sweep(self) -> int:
        return 0

    def close(self) -> None:
        """Do nothing: nothing is held."""


class WaitingEngine(EchoEngine):
    """Waits until the file `release` stands in the data folder."""

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion:
        (workspace / CALLED).touch()
        while not (self._folder / "release").exists():
            time.sleep(POLL_SECONDS)
        return converted(part.source.path.read_text())


class StuckEngine(WaitingEngine):
    """Never ends with a document that says so, whatever stands in the data folder."""

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion:
        (workspace / CALLED).touch()
        while part.source.path.read_text() == "stuck":
            time.sleep(POLL_SECONDS)
        return super().convert(part, options, workspace, progress, keep)


class SlowEngine(WaitingEngine):
    """Takes a while for each document, and waits like its base with one that says `held`."""

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion:
        if part.source.path.read_text() == "held":
            return super().convert(part, options, workspace, progress, keep)
        time.sleep(0.05)
        return converted(part.source.path.read_text())


def in_call(settings: Settings) -> int:
    """Return how many jobs a waiting or stuck engine is at, whose workers hold no lock then."""
    return len(list(data_folder.workspaces(settings).glob(f"*/{CALLED}")))


def dawdle(task: Message) -> Iterator[Message]:
    """Be a parser child that never comes to an end."""
    Path(task["begun"]).touch()
    while True:
        time.sleep(POLL_SECONDS)
        yield {"type": "page"}


class DawdlingEngine(EchoEngine):
    """Has its documents read by a parser child that never comes to an end."""

    concurrency = 1

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._parsers = ParserPool(dawdle, settings.worker_memory_limit_bytes)

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion:
        if part.source.path.read_text() == "quick":
            return converted("quick")
        task = {"begun": str(self._folder / "begun")}
        for _ in self._parsers.run(task, 600, str(workspace)):
            pass
        raise AssertionError("it has come to an end")

    def stop(self, workspace: Path) -> None:
        self._parsers.stop(str(workspace))


class FailingEngine(EchoEngine):
    """Fails in a way that another attempt might cure."""

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion:
        raise EngineFailed("Out of order.")


class SuicidalEngine(EchoEngine):
    """Takes its worker with it when the document says so."""

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion:
        if part.source.path.read_text() == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return converted(part.source.path.read_text())


class HalfSendingEngine(EchoEngine):
    """Has its worker die in the middle of the next thing that it says, if the document says so."""

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion:
        if part.source.path.read_text() == "die":
            Connection._send = _half  # type: ignore[attr-defined]
        return converted(part.source.path.read_text())


def _half(connection: Connection, message: bytes) -> None:
    os.write(connection.fileno(), message[: len(message) // 2])
    os.kill(os.getpid(), signal.SIGKILL)


class FlakyEngine(EchoEngine):
    """Fails the first attempt at each document."""

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion:
        text = part.source.path.read_text()
        try:
            (self._folder / f"failed-{text}").touch(exist_ok=False)
        except FileExistsError:
            return converted(text)
        raise EngineFailed("Out of order.")


def unable_to_boot(_settings: Settings, _instance_id: str) -> dict[str, Engine]:
    raise RuntimeError("no engine today")


@dataclass(frozen=True)
class Only:
    """Opens one engine, for the lane of all documents."""

    engine: type[EchoEngine]

    def __call__(self, settings: Settings, _instance_id: str) -> dict[str, Engine]:
        return {EMBEDDED: self.engine(settings)}


ENGINES: dict[str, EngineFactory] = {
    "echo": Only(EchoEngine),
    "waiting": Only(WaitingEngine),
    "stuck": Only(StuckEngine),
    "slow": Only(SlowEngine),
    "dawdling": Only(DawdlingEngine),
    "failing": Only(FailingEngine),
    "suicidal": Only(SuicidalEngine),
    "half-sending": Only(HalfSendingEngine),
    "flaky": Only(FlakyEngine),
    "unbootable": unable_to_boot,
    "real": open_engines,
}
