"""Real processes that a test may kill."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from ilios.core.settings import Settings
from tests.support.breaking import RECOVERY_S
from tests.support.start_script import Start, StartScript
from tests.support.supervising import SupervisorProcess


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--repeat-faults",
        type=int,
        default=0,
        metavar="N",
        help="every fault in its long form, N times in a row (kill points four times as often)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    times = metafunc.config.getoption("repeat_faults", 0)
    times *= getattr(metafunc.module, "REPEAT_FACTOR", 1)
    if times > 1:
        metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", range(1, times + 1))


@pytest.fixture
def leniency(request: pytest.FixtureRequest) -> float:
    """Provide the factor for times: the short form runs beside others on a busy machine."""
    if not request.config.getoption("repeat_faults", 0):
        return 6
    # The long form shares the machine with nobody but itself.
    return int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


@pytest.fixture
def recovery_s(leniency: float) -> float:
    """Provide the time that a service has to work again, started anew if need be."""
    return RECOVERY_S * leniency


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
        clock: Path | None = None,
        variables: Mapping[str, str] = MappingProxyType({}),
        **changes: object,
    ) -> SupervisorProcess:
        changed = settings.model_copy(update=changes)
        supervisor = SupervisorProcess(
            changed,
            engine,
            impatient=impatient,
            hurried=hurried,
            tidy=tidy,
            clock=clock,
            variables=variables,
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
