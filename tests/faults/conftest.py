"""Real processes that a test may kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ilios.settings import Settings
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
