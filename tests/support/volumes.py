"""Data folders as a service finds them: prepared, with a database at the newest schema."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ilios.core import data_folder
from ilios.core.settings import Settings


@contextmanager
def volume(folder: Path, migrated_file: Path) -> Iterator[Settings]:
    """Provide settings of such a folder, whose counts in shared memory end with the `with`."""
    settings = Settings(data_dir=folder, log_format="console")
    data_folder.prepare(settings)
    shutil.copy(migrated_file, settings.database_path)
    left_by_killed_processes = data_folder.metrics(settings)
    try:
        yield settings
    finally:
        for counts in left_by_killed_processes:
            shutil.rmtree(counts, ignore_errors=True)
