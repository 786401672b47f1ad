"""The lock of a data folder's supervisor, which its workers hold too."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ilios.core.errors import StartupError
from ilios.core.processes import lock_file

LOCK_WAIT_SECONDS: Final = 5.0


def take(path: Path) -> int:
    """Take the lock, once its last holder and its workers have ended. Raises StartupError."""
    try:
        return lock_file(path, LOCK_WAIT_SECONDS)
    except BlockingIOError:
        raise StartupError(
            f"Another supervisor works in {path.parent.parent}: stop it, or give this one "
            "a DATA_DIR of its own."
        ) from None
