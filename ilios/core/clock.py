"""The clock: the only module that reads the present time for the rest."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_MILLISECONDS: Final = re.compile("[0-9]{1,14}", re.ASCII)


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


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
