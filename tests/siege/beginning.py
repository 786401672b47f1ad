"""When the processes of a siege begin: all at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def acting_from(moment: float, act: Callable[..., T], *arguments: object) -> T:
    """Act from a moment of time.monotonic() on.

    By then all processes of the siege have started, which is no attack, and takes the processor.
    """
    time.sleep(max(0.0, moment - time.monotonic()))
    return act(*arguments)
