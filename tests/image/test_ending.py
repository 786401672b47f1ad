"""How a container ends: in time when asked to, and not quietly when something inside dies."""

from __future__ import annotations

import pytest

from tests.image.conftest import Run

IDLE_STOP_LIMIT_S = 3.0


def test_an_idle_container_stops_at_once(run: Run) -> None:
    container = run()

    assert container.stop() < IDLE_STOP_LIMIT_S
    assert container.exit_code() == 0


@pytest.mark.parametrize(
    ("name", "ended"), [("gunicorn", "gunicorn"), ("supervisor", "the supervisor")]
)
def test_a_container_whose_half_was_killed_ends_and_asks_to_be_restarted(
    run: Run, name: str, ended: str
) -> None:
    container = run()

    container.kill(name)

    assert container.exit_code() == 128 + 9
    assert f"{ended} ended with status 137" in container.log
