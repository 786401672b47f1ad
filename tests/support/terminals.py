"""What was written to a terminal of the tests."""

from __future__ import annotations

import contextlib
import os


def shown_on(terminal: int) -> bytes:
    """Return all of it, and close the terminal; nobody has the other end open any more.

    One read has a page of it at most, or what came in one go.
    """
    shown = bytearray()
    with contextlib.suppress(OSError):  # EIO at the end
        while block := os.read(terminal, 65536):
            shown += block
    os.close(terminal)
    return bytes(shown)
