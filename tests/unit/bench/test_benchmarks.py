"""`make bench` measures everything that can be measured, and goes on where something fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import benchmarks, beside_peers, machine, provider, reads
from bench.benchmarks import LONG, SHORT, VARIANTS, Run, write


def test_the_long_form_runs_every_program() -> None:
    run = {command.split()[0] for command in LONG.commands}

    assert {"submit", "idle", "provider", "waiting"} <= run
    assert not {"service", "pdfs", "reads", "profile", "soak", "scaling", "benchmarks"} & run


def test_every_program_with_variants_and_every_short_command_exists() -> None:
    run = {command.split()[0] for command in LONG.commands}

    assert VARIANTS.keys() <= run
    assert {command.split()[0] for command in SHORT.commands} <= run


def test_every_program_runs_when_it_is_called() -> None:
    folder = Path(benchmarks.__file__).parent
    programs = [path for path in folder.glob("*.py") if "\ndef main()" in path.read_text()]

    assert len(programs) > 20
    for path in programs:
        assert '\nif __name__ == "__main__":\n    ' in path.read_text(), path.name


def test_what_fails_is_named_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("not on this machine")

    monkeypatch.setattr(machine, "limits", lambda: {"commits": 10.0})
    for module, name in [
        (reads, "measure"),
        (provider, "prepare"),
        (provider, "measure"),
        (beside_peers, "queue"),
        (beside_peers, "embedded"),
        (beside_peers, "markitdown"),
        (benchmarks, "_printed"),
    ]:
        monkeypatch.setattr(module, name, fail if name != "prepare" else lambda *_: None)
    run = Run(SHORT)

    run.everything()
    write(run.found, tmp_path)

    page = (tmp_path / "benchmarks.md").read_text()
    assert "| commits | 10.0/s |" in page
    assert "- reads: OSError: not on this machine" in page
    assert set(SHORT.commands) <= run.found.missing.keys()
