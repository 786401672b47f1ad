"""The clock: the only module that reads the present time for the rest."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final

AHEAD_MAX: Final = timedelta(milliseconds=100)
"""By which `now` may be ahead of what it follows: each reading of that is late by its way to us."""
_MILLISECONDS: Final = re.compile("[0-9]{1,14}", re.ASCII)


_followed: tuple[datetime, float] | None = None  #: a moment, and when that was, monotonic


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    if _followed is None:
        return datetime.now(UTC)
    moment, at = _followed
    return moment + timedelta(seconds=time.monotonic() - at)


def follow(moment: datetime | None) -> None:
    """Let `now` go on from this moment of another clock, which all nodes share; None ends that."""
    global _followed  # there is one clock
    if moment is None:
        _followed = None
    elif _followed is None or not moment <= now() <= moment + AHEAD_MAX:
        _followed = (moment.astimezone(UTC), time.monotonic())


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds since 1970-01-01T00:00Z."""
    return round(moment.timestamp() * 1000)


def of_milliseconds(written: str) -> datetime | None:
    """Return the moment so many milliseconds after 1970-01-01T00:00Z; None for no such number."""
    if not _MILLISECONDS.fullmatch(written):
        return None
    return datetime.fromtimestamp(int(written) / 1000, UTC)


def iso(moment: datetime) -> str:
    """Return ISO 8601 with milliseconds and `Z`: `2026-11-23T15:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
