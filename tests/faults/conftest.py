"""Real processes that a test may kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ilios.settings import Settings
from tests.support.start_script import Start, StartScript
from tests.support.supervising import SupervisorProcess


@pytest.fixture
def start_supervisor(settings: Settings) -> Iterator[Callable[..., SupervisorProcess]]:
    """Start a supervisor on the test's data folder; whatever is left at the end is killed."""
    started: list[SupervisorProcess] = []

    def start(
        engine: str = "echo",
        *,
        impatient: bool = False,
        hurried: bool = False,
        tidy: bool = False,
        **changes: object,
    ) -> SupervisorProcess:
        changed = settings.model_copy(update=changes)
        supervisor = SupervisorProcess(
            changed, engine, impatient=impatient, hurried=hurried, tidy=tidy
        )
        started.append(supervisor)
        supervisor.wait_until_ready()
        return supervisor

    yield start
    for supervisor in started:
        supervisor.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Run start.sh with these settings; whatever is left at the end is killed."""
    started: list[StartScript] = []

    def start(settings: Settings, prefix: tuple[str, ...] = ()) -> StartScript:
        script = StartScript(settings, tmp_path / f"start-{len(started)}.log", prefix)
        started.append(script)
        return script

    yield start
    for script in started:
        script.close()
