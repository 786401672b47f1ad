"""Which page of the document an entry of an answer is.

By its index, if that is one that was asked for. Otherwise by its place in the answer, with a
warning, if no other page has that: what is paid for is not thrown away for a wrong number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ilios.core.telemetry import logs
from ilios.engines.mistral.answer_limits import ANSWER_MAX_PAGES
from ilios.engines.mistral.numbers import count

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of an answer; one that cannot be read has no fields."""

    fields: dict[str, Any]
    is_misnumbered: bool


def found(pages: list[Any], indexes: tuple[int, ...] | None) -> dict[int, Found]:
    """Return entries by the index of their page in the whole document.

    `indexes` are the pages that were asked for; None when only the answer tells which there are.
    """
    most = ANSWER_MAX_PAGES if indexes is None else len(indexes)
    numbers = [_number(page) for page in pages]
    # Where they count from 1, the first page would be missing, and all others stand one too late.
    first = 1 if indexes is not None and set(numbers) == set(range(1, most + 1)) else 0
    by_place: dict[int, Found] = {}
    misnumbered: list[int] = []
    for place, (page, number) in enumerate(zip(pages, numbers, strict=True)):
        index = None if number is None else number - first
        if index is None or index >= most or index in by_place:
            misnumbered.append(place)
        else:
            by_place[index] = Found(page, is_misnumbered=first > 0)
    for place in misnumbered:
        page = pages[place]
        if place >= most or place in by_place or _is_copy(page, numbers[place], by_place):
            log.warning("answer.page_unexpected", place=place)
        else:
            by_place[place] = Found(page if isinstance(page, dict) else {}, is_misnumbered=True)
    return {place if indexes is None else indexes[place]: by_place[place] for place in by_place}


def _number(page: Any) -> int | None:
    return count(page.get("index")) if isinstance(page, dict) else None


def _is_copy(page: Any, number: int | None, by_place: dict[int, Found]) -> bool:
    """Return whether a page came twice: its number is taken, by a page of the same text."""
    first = None if number is None else by_place.get(number)
    return first is not None and first.fields.get("markdown") == page.get("markdown")
