"""The `pages` option: a selection of pages, such as `1-3,7`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ilios.core.conversion_errors import PagesOutOfRange
from ilios.core.request_errors import InvalidField

MAX_PAGE_NUMBER = 100_000
MAX_PARTS = 1_000
ALLOWED = f"up to {MAX_PARTS:,} page numbers or ranges from 1 to {MAX_PAGE_NUMBER:,}, as in 1-3,7"
_PART = re.compile(r"\s*([0-9]{1,6})\s*(?:-\s*([0-9]{1,6})\s*)?")
PATTERN = f"^{_PART.pattern}(?:,{_PART.pattern})*$"  #: for OpenAPI; does not say that ranges rise


@dataclass(frozen=True, slots=True)
class PageSelection:
    """Sorted, merged page ranges; both ends 1-based and inclusive, as people write them."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> PageSelection:
        """Read `1-3,7`.

        Raises InvalidField for anything but numbers and rising ranges between 1 and 100,000.
        """
        parts = text.split(",")
        if len(parts) > MAX_PARTS:
            raise InvalidField("pages", text, ALLOWED)
        return cls(_merged([_range(part, text) for part in parts]))

    @property
    def page_count(self) -> int:
        """The number of selected pages."""
        return sum(last - first + 1 for first, last in self.ranges)

    def indexes(self, page_count: int) -> list[int]:
        """Return the selected 0-based indexes of a document with `page_count` pages.

        Raises PagesOutOfRange when the selection names a page beyond the last one.
        """
        last = self.ranges[-1][1]
        if last > page_count:
            pages = "1 page" if page_count == 1 else f"{page_count} pages"
            raise PagesOutOfRange(
                f"pages={self} was asked for, but the document has {pages}. "
                f"Choose pages from 1 to {page_count}."
            )
        return [page - 1 for first, last in self.ranges for page in range(first, last + 1)]

    @classmethod
    def of_indexes(cls, indexes: Iterable[int]) -> PageSelection:
        """Return the selection of these 0-based indexes."""
        return cls(_merged([(index + 1, index + 1) for index in indexes]))

    def between(self, first: int, last: int) -> list[int]:
        """Return the selected indexes from `first` to `last`; all 0-based, both ends inclusive."""
        return [
            page - 1
            for start, end in self.ranges
            for page in range(max(start, first + 1), min(end, last + 1) + 1)
        ]

    def __str__(self) -> str:
        return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in self.ranges)


def _range(part: str, whole: str) -> tuple[int, int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise InvalidField("pages", whole, ALLOWED)
    first = int(match[1])
    last = int(match[2] or match[1])
    if not 1 <= first <= last <= MAX_PAGE_NUMBER:
        raise InvalidField("pages", whole, ALLOWED)
    return first, last


def _merged(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)
