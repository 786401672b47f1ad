"""What the machine refuses to a run: one line with the cause and the remedy, which ends it.

What concerns a document alone is told of that document, and the run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ilios.core.disk_space import is_full
from ilios.core.errors import StartupError
from ilios.core.spare_file import free_bytes

ROOM_BYTES: Final = 64 * 1024 * 1024
"""A disk with less is full, and not only too small for one document."""
REMEDY: Final = "make room there. The same command goes on."


@contextmanager
def told() -> Iterator[None]:
    """Raise StartupError in place of OSError."""
    try:
        yield
    except OSError as error:
        raise StartupError(_sentence(error)) from error


def require_room(*folders: Path) -> None:
    """Raise StartupError if the disk of a folder is full."""
    for folder in folders:
        if free_bytes(folder) < ROOM_BYTES:
            raise StartupError(f"The disk of {folder} is full: {REMEDY}")


def _sentence(error: OSError) -> str:
    if is_full(error):
        place = error.filename or "TARGET, or that of temporary files,"
        return f"The disk of {place} is full: {REMEDY}"
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."
