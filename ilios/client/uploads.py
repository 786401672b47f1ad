"""Files that are sent: given as a path, as bytes, or open; read anew for each try."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

File = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the bytes themselves, or a file that is open for reading bytes."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file under its name; `open` gives its bytes from the beginning."""

    name: str
    open: Callable[[], BinaryIO]


def upload(file: File, name: str | None = None) -> Upload:
    """Return a file as it is sent; its name is that of the path or of the open file, if not given.

    The service tells the type of a file from its bytes, and of texts from the name.
    """
    if isinstance(file, bytes):
        return Upload(_sendable(name or "document"), lambda: io.BytesIO(file))
    if isinstance(file, str | os.PathLike):
        path = Path(file)
        return Upload(_sendable(name or path.name), lambda: path.open("rb"))
    # Read at once: who gave it keeps it, and another try needs its bytes again.
    content = file.read()
    return Upload(_sendable(name or _name_of(file)), lambda: io.BytesIO(content))


def _name_of(file: BinaryIO) -> str:
    named = getattr(file, "name", None)
    return Path(named).name if isinstance(named, str) else "document"


def _sendable(name: str) -> str:
    """Return a name that a form can carry: those of a disk may be no UTF-8."""
    return name.encode(errors="replace").decode()
