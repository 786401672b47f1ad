"""Workers whose engine does nothing, with the settings of a service: `-m bench.noop_workers`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ilios.core import settings
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.engines.base import Conversion, Engine, Page, Part, Plan, Source, Usage
from ilios.engines.registry import EMBEDDED
from ilios.workers import supervisor

ONE_PAGE = Conversion((Page(0, "One page."),), Usage(1, "noop"))


class NoopEngine:
    """Says of every document that it has one page."""

    name = EMBEDDED
    is_paid = False

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency

    def convert(self, *_: Any, **__: Any) -> Conversion | bytes:
        return ONE_PAGE

    def model(self, *_: Any, **__: Any) -> str:
        return "noop"

    def plan(self, source: Source, *_: Any, **__: Any) -> Plan:
        return Plan(1, (Part(source, (0,)),))

    def read(self, *_: Any, **__: Any) -> Conversion:
        raise NotImplementedError("nothing is kept")

    def stop(self, workspace: Path) -> None:
        """Do nothing: nothing takes time."""

    def sweep(self) -> int:
        return 0

    def close(self) -> None:
        """Do nothing: nothing is held."""


def open_engines(loaded: Settings, _instance_id: str) -> dict[str, Engine]:
    return {EMBEDDED: NoopEngine(loaded.worker_concurrency)}


if __name__ == "__main__":
    try:
        sys.exit(supervisor.run(settings.load(), open_engines))
    except StartupError as error:
        sys.exit(error.detail)
