"""The command itself: how it is found, what it loads, how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ilios
from ilios.db.driver import sqlite
from tests.support.commands import Operator
from tests.support.forking import REPOSITORY

HEAVY = ("pydantic", "sqlalchemy", sqlite.__name__, "flask", "mistralai", "boto3")


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """Link the launcher into an environment's bin/, as Make and the image do it."""
    bin_folder = tmp_path / "venv" / "bin"
    bin_folder.mkdir(parents=True)
    python = bin_folder / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    command = bin_folder / "ilios"
    command.symlink_to(REPOSITORY / "bin" / "ilios")
    return command


def test_the_launcher_runs_the_checkout_that_it_links_to_from_anywhere(
    linked: Path, tmp_path: Path
) -> None:
    (tmp_path / "ilios").mkdir()  # not ours
    (tmp_path / "ilios" / "__main__.py").write_text("raise SystemExit('the wrong one')")

    done = subprocess.run(
        [linked, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.stdout == f"ilios {ilios.__version__}\n", done.stderr


HELP = """
import sys
from ilios.cli.main import main
main(["--help"], standalone_mode=False)
print(*sys.modules)
"""


def test_help_names_every_command_without_loading_what_they_need() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    *help_lines, modules = done.stdout.splitlines()
    assert {"backup", "doctor"} <= {line.split()[0] for line in help_lines if line.strip()}
    assert not set(HEAVY) & set(modules.split())


@pytest.mark.parametrize("arguments", [("doctor", "--jason"), ("backup",), ("cure",)])
def test_a_command_line_that_makes_no_sense_ends_with_2(
    operator: Operator, arguments: tuple[str, ...]
) -> None:
    done = operator.run(*arguments)

    assert done.returncode == 2
    assert "Usage:" in done.stderr


def test_a_wrong_setting_is_one_line(operator: Operator, tmp_path: Path) -> None:
    operator.variables["PORT"] = "none"

    done = operator.run("backup", tmp_path / "backup.db")

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("ilios: PORT is 'none':")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_its_words(operator: Operator, shell: str) -> None:
    script = operator.run("completion", shell).stdout

    def completed(word: str, *before: str) -> str:
        operator.variables.update(
            _ILIOS_COMPLETE=f"{shell}_complete",
            COMP_WORDS=" ".join(("ilios", *before, word)),
            COMP_CWORD=word if shell == "fish" else str(1 + len(before)),
        )
        return operator.run().stdout

    assert "_ILIOS_COMPLETE" in script
    assert "convert" in completed("conv")
    assert "file" in completed("inv", "convert")
    assert "--images" in completed("--im", "convert")
