"""The wheel, built from a copy of the checkout, and an environment that it is put into."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.externals import unavailable
from tests.support.forking import REPOSITORY

VENV = REPOSITORY / ".venv-wheel"
BUILD_PYTHON = VENV / "build" / "bin" / "python"
PYTHON = VENV / "bin" / "python"
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")
SOURCES = ("LICENSE", "README.md", "alembic", "ilios", "pyproject.toml", "setup.py")


def run(*command: str | Path, folder: Path, **variables: str) -> str:
    """Run a command far from the checkout, and return what it prints. Raises RuntimeError."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy: setuptools leaves folders beside what it builds."""
    if not BUILD_PYTHON.exists():
        unavailable("no environment: `make wheel-test` makes it")
    folder = tmp_path_factory.mktemp("build")
    for name in SOURCES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    run(
        BUILD_PYTHON, *PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index",
        "--wheel-dir", folder / "wheel", folder, folder=folder,
    )  # fmt: skip
    (built,) = (folder / "wheel").glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel beside the locked packages; return the folder of the programs."""
    folder = tmp_path_factory.mktemp("install")
    run(
        PYTHON, *PIP, "install", "--no-deps", "--no-index", "--force-reinstall", wheel,
        folder=folder,
    )  # fmt: skip
    return PYTHON.parent
