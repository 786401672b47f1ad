"""Values of cells as spreadsheets show them."""

from __future__ import annotations

import datetime
import re
from typing import Any

from ilios.engines.embedded import markdown

_PERCENT = re.compile(r"(?:0|#)(?:\.(0+))?%")


def shown(value: Any, number_format: str) -> str:
    """Write a cell's value as Markdown; dates as ISO 8601, percentages with their sign."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(value, number_format)
    if isinstance(value, datetime.datetime):
        return _moment(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    return markdown.escaped(" ".join(str(value).split()))


def _number(value: float, number_format: str) -> str:
    percent = _PERCENT.search(number_format or "")
    if percent:
        return f"{value * 100:.{len(percent[1] or '')}f}%"
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return str(int(value))
    return f"{value:.15g}"


def _moment(value: datetime.datetime) -> str:
    if value.time() == datetime.time():
        return value.date().isoformat()
    return value.isoformat(" ", "seconds" if value.second else "minutes")
