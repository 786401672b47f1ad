"""Data folders as a service finds them: prepared, with a database at the newest schema."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ilios.core import data_folder
from ilios.core.settings import Settings


@contextmanager
def volume(folder: Path, migrated_file: Path) -> Iterator[Settings]:
    """Provide settings of such a folder, whose counts in shared memory end with the `with`."""
    settings = _settings(folder)
    data_folder.prepare(settings)
    shutil.copy(migrated_file, settings.database_path)
    left_by_killed_processes = data_folder.metrics(settings)
    try:
        yield settings
    finally:
        for counts in left_by_killed_processes:
            shutil.rmtree(counts, ignore_errors=True)


def _settings(folder: Path) -> Settings:
    """Return the settings of a folder: read once, for that takes 5 ms, unless a shell has some."""
    if any(name.upper() in os.environ for name in Settings.model_fields):
        return Settings(data_dir=folder, log_format="console")
    return _defaults().model_copy(update={"data_dir": folder})


@cache
def _defaults() -> Settings:
    return Settings(log_format="console")
