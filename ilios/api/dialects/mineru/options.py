"""What a client chooses of MinerU's options; those that are not read here have no effect."""

from __future__ import annotations

from typing import Final

from ilios.api.dialects.mineru.answers import Wanted
from ilios.api.dialects.options import Options
from ilios.api.middleware.auth import current_owner
from ilios.api.services import services
from ilios.core.request_errors import InvalidField
from ilios.documents.options import EVERYTHING
from ilios.documents.uploads import Received
from ilios.engines.page_selection import PageSelection

PAGE_ID_MAX: Final = 10**18
LAST_PAGE: Final = 99_999
"""As `end_page_id`, or what is above it or below zero: up to the end."""


def wanted_of(options: Options) -> Wanted:
    """Read what the answer is to have. Raise InvalidField."""
    options.agree(
        formula_enable=True,
        return_middle_json=False,
        return_model_output=False,
        table_enable=True,
    )
    return Wanted(
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

    So they are counted first. Raise InvalidField for a span behind the last one, and what an
    estimate raises.
    """
    owner = current_owner()
    found = services().estimates.estimate(owner, file, EVERYTHING, provider_batch=False)
    first, last = span[0], min(span[1], found.pages_total - 1)
    if first > last:
        raise InvalidField("start_page_id", first, f"0 to {found.pages_total - 1}")
    if first == 0 and last == found.pages_total - 1:
        return None
    return PageSelection.parse(f"{first + 1}-{last + 1}")
