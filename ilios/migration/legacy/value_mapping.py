"""Map the predecessor's values: times, owners, keys, types, metadata, pages, money."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final

from ilios.accounts.keys import ANONYMOUS, owner_of
from ilios.engines.detection import media_types
from ilios.engines.page_text import PAGE_BREAK
from ilios.queue import jobs
from ilios.storage import object_keys

DEFAULT_RETENTION_DAYS: Final = 365
MICROS_PER_CENT: Final = 10_000


def owner(api_key: str | None) -> str:
    """Return the owner of a key in clear."""
    key = (api_key or "").strip()
    return owner_of(key) if key else ANONYMOUS


def without_keys(text: str | None, keys: Iterable[str]) -> str | None:
    """Return a sentence with each key in clear replaced."""
    if text is None:
        return None
    for key in keys:
        text = text.replace(key, "[key]")
    return text


def moment(seconds: int | None) -> datetime | None:
    """Return the aware datetime of seconds since 1970.

    Raises ValueError for what is not such a number.
    """
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, OverflowError, OSError, ValueError) as error:
        raise ValueError(f"{seconds!r:.40} is no time in seconds") from error


def metadata_of(text: str | None) -> dict[str, Any]:
    """Return the JSON object in a column; an empty one when it cannot be read."""
    try:
        parsed = json.loads(text or "{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def count(value: object) -> int | None:
    """Return a number from 1 on, None for anything else."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value if is_count else None  # type: ignore[return-value]  # mypy follows no names


def media_type(declared: str, file_name: str) -> str:
    """Return the type that was declared, or else that of the file name's extension."""
    kind = media_types.base_type(declared.partition(";")[0].strip().lower())
    if kind in media_types.EXTENSIONS:
        return kind
    return media_types.NAMED.get(PurePath(file_name).suffix.lower(), kind)


def storage_key(document_id: str, s3_key: str) -> str:
    """Return the object's key; for a malformed one, a key under which there is no object."""
    try:
        object_keys.segments(s3_key)
    except ValueError:
        return f"missing/{document_id}"
    return s3_key


def priority(value: int | None) -> int:
    """Return 1 to 10; the predecessor's 0 meant the default."""
    return min(jobs.MAX_PRIORITY, max(jobs.MIN_PRIORITY, value or jobs.DEFAULT_PRIORITY))


def retention_days(value: int | None) -> int:
    return count(value) or DEFAULT_RETENTION_DAYS


def pages(content: str, extracted: int | None) -> tuple[list[str], bool]:
    """Return the Markdown of the pages, and whether they surely are those of the original.

    Joined by PAGE_BREAK they are `content` again, to the character, whatever it holds: a rule
    inside a page looks like the end of it. There are never more pages than were `extracted`.
    """
    found = content.split(PAGE_BREAK)
    if extracted is None or len(found) == extracted:
        return found, True
    return content.split(PAGE_BREAK, extracted - 1), False


def micros(cents: float | None) -> int:
    """Return micro-dollars, exactly."""
    return round(Decimal(str(cents or 0)) * MICROS_PER_CENT)
