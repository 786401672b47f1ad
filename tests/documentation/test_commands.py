"""Every block of commands in README.md and docs/ does what its page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documentation.places import Places
from tests.documentation.running import run, run_in_checkout, serve
from tests.unit.structure.code_blocks import Block, Mark, Place, commands, within_lines

SERVING = (Place.SERVING, Place.SERVING_CHECKOUT)
ELSEWHERE = (None, Place.CONTAINER)
ENDING = [(one, mark) for one, mark in commands() if mark.place not in (*SERVING, *ELSEWHERE)]
LASTING = [one for one, mark in commands() if mark.place in SERVING]
WITHIN_LINES = list(within_lines())


@pytest.mark.parametrize(("block", "mark"), ENDING, ids=[str(one) for one, _ in ENDING])
def test_it_runs_and_prints_what_it_should(
    block: Block, mark: Mark, places: Places, tmp_path: Path
) -> None:
    assert mark.place is not None
    if mark.place is Place.CHECKOUT:
        done = run_in_checkout(block, tmp_path)
    else:
        done = run(block, places.of(mark.place), tmp_path)

    assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
    assert mark.prints in done.stdout, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("block", LASTING, ids=str)
def test_it_answers_until_it_is_interrupted(block: Block, tmp_path: Path) -> None:
    serve(block, tmp_path)


@pytest.mark.parametrize(
    "block", WITHIN_LINES, ids=[f"{one.page.name} {one.text}" for one in WITHIN_LINES]
)
def test_one_within_a_line_runs(block: Block, places: Places, tmp_path: Path) -> None:
    done = run(block, places.of(Place.KEYS), tmp_path)

    assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"


def test_commands_within_lines_are_found() -> None:
    assert len(WITHIN_LINES) >= 5
