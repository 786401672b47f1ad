"""Validating numbers of a response."""

from __future__ import annotations

import math
from typing import Any, Final

COUNT_MAX: Final = 1_000_000


def finite(value: Any) -> float | None:
    """Return a finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def count(value: Any) -> int | None:
    """Return an integer from 0 to COUNT_MAX; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= COUNT_MAX else None
