"""Runs migrations the way an operator does: the alembic command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ilios.core.settings import Settings
from tests.support.forking import REPOSITORY, run_python


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """Return the environment of a child process that is to read these settings."""
    given = settings.model_dump(exclude_defaults=True)
    names = {name.upper(): _text(value) for name, value in given.items()}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **names, **more}


def alembic(
    settings: Settings,
    *arguments: str,
    folder: Path = REPOSITORY,
    more: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder that has alembic.ini; `more` are environment variables."""
    return run_python(
        "-m", "alembic", *arguments, environment=environment(settings, **more), folder=folder
    )


def upgrade(settings: Settings, more: Mapping[str, str] = MappingProxyType({})) -> None:
    """Raise RuntimeError with what alembic said when the upgrade fails."""
    done = alembic(settings, "upgrade", "head", more=more)
    if done.returncode:
        raise RuntimeError(done.stderr)


def _text(value: object) -> str:
    secret = getattr(value, "get_secret_value", None)
    return str(secret() if secret else value)
