"""Validating numbers of a response."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from ilios.engines.mistral.answer_limits import SIZE_MAX

COUNT_MAX: Final = 1_000_000
_DIGITS: Final = re.compile(r"\s*([+-]?[0-9]{1,18})(?:\.0*)?\s*")


def finite(value: Any) -> float | None:
    """Return a finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def size(value: Any) -> float | None:
    """Return a length or a coordinate of at most SIZE_MAX; None for anything else."""
    number = finite(value)
    return None if number is None or abs(number) > SIZE_MAX else number


def share(value: Any) -> float | None:
    """Return a number from 0 to 1; None for anything else."""
    number = finite(value)
    return number if number is not None and 0 <= number <= 1 else None


def whole(value: Any) -> int | None:
    """Return a whole number however it is written, such as `0.0` or `"0"`; None for all else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    found = _DIGITS.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else None


def count(value: Any) -> int | None:
    """Return a whole number from 0 to COUNT_MAX; None for anything else."""
    number = whole(value)
    return number if number is not None and 0 <= number <= COUNT_MAX else None
