"""What a client chooses of MinerU's options; those that are not read here have no effect."""

from __future__ import annotations

from typing import Final

from ilios.api.dialects import conversion
from ilios.api.dialects.mineru.answers import ResultParts
from ilios.api.dialects.options import Options
from ilios.core.conversion_errors import PagesOutOfRange
from ilios.core.request_errors import InvalidField
from ilios.documents.options import EVERYTHING
from ilios.documents.uploads import Received
from ilios.engines.page_selection import PageSelection

PAGE_ID_MAX: Final = 10**18
LAST_PAGE: Final = 99_999
"""As `end_page_id`, or what is above it or below zero: up to the end."""


def wanted_of(options: Options) -> ResultParts:
    """Read what the answer is to have. Raise InvalidField."""
    options.agree(
        formula_enable=True,
        return_middle_json=False,
        return_model_output=False,
        table_enable=True,
    )
    return ResultParts(
        markdown=options.flag("return_md", True),
        content_list=options.flag("return_content_list", False),
        images=options.flag("return_images", False),
    )


def pages_of(options: Options) -> tuple[int, int] | None:
    """Read the first and the last page, from 0; None for all of them. Raise InvalidField."""
    first = options.whole("start_page_id", 0, PAGE_ID_MAX, 0) or 0
    last = options.whole("end_page_id", -PAGE_ID_MAX, PAGE_ID_MAX, LAST_PAGE)
    if last is None or not 0 <= last < LAST_PAGE:
        last = PAGE_ID_MAX
    if last < first:
        raise InvalidField("end_page_id", last, f"{first} or more, which is start_page_id")
    return None if first == 0 and last == PAGE_ID_MAX else (first, last)


def selection_of(file: Received, span: tuple[int, int]) -> PageSelection | None:
    """Return the pages of a file that a span has, as far as there are such; None for all.

    Raise InvalidField for a span behind the last one, in numbers from 0, and what
    `conversion.selection` raises.
    """
    first, last = span
    try:
        return conversion.selection(file, EVERYTHING, first + 1, last + 1)
    except PagesOutOfRange as error:
        raise InvalidField("start_page_id", first, "the number of a page, from 0") from error
