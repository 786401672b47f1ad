"""Files with a random key of this data folder, made at first use and closed to other users."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Final

from ilios.core.durable_files import create
from ilios.core.errors import StartupError

KEY_BYTES: Final = 32
_KEY: Final = re.compile(r"[0-9a-f]{64}\n?")


def read_or_create(path: Path, consequence: str) -> bytes:
    """Return the key in `path`, which is created if it is not there.

    Raises StartupError when the file is not a key of ours or others may read it; `consequence` says
    what comes of a new one.
    """
    try:
        if not path.exists():
            create(path, f"{secrets.token_hex(KEY_BYTES)}\n".encode("ascii"))
        return read(path, consequence)
    except OSError as error:
        raise StartupError(
            f"The signing key {path} cannot be used: {error.strerror}. "
            "Give the service's user read and write access to its folder."
        ) from error


def read(path: Path, consequence: str) -> bytes:
    """Return the key in `path`, as `read_or_create` does for one that is there."""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise StartupError(
            f"The signing key {path} is open to other users (mode {mode:04o}). "
            f"Run: chmod 600 {path}"
        )
    text = path.read_text("ascii", errors="replace")
    if _KEY.fullmatch(text) is None:
        raise StartupError(
            f"{path} does not hold a signing key (64 hexadecimal digits). Restore or delete it: "
            f"the next start makes a new one, and {consequence}."
        )
    return bytes.fromhex(text)
