"""Pages of lists as clients of Mistral ask for them: numbered from 0."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ilios.api.dialects.options import Options

NUMBER_MAX: Final = 1_000_000
PARAMETERS: Final[tuple[dict[str, Any], ...]] = (
    {"in": "query", "name": "page", "schema": {"type": "integer", "minimum": 0}},
    {"in": "query", "name": "page_size", "schema": {"type": "integer", "minimum": 1}},
)
"""For the OpenAPI document."""


class ListPage(NamedTuple):
    """Which items of a list are wanted."""

    skipped: int
    size: int


def asked(options: Options, size_max: int, size_default: int) -> ListPage:
    """Read which page of a list is wanted, and how many items it has. Raise InvalidField."""
    number = options.whole("page", 0, NUMBER_MAX) or 0
    size = options.whole("page_size", 1, size_max) or size_default
    return ListPage(number * size, size)
