"""What an answer holds of the pages that were asked for."""

from __future__ import annotations

import pytest

from ilios.conversion.answers import STORED_COPIES, missing_pages, stored_bytes
from ilios.engines import page_details
from ilios.engines.base import Conversion, Page, Usage
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Link, Word
from ilios.engines.page_words import Words
from ilios.storage.answer_spool import CallRecord


def brought(*indexes: int) -> Conversion:
    pages = tuple(Page(index, "text") for index in indexes)
    return Conversion(pages, Usage(len(pages), "model"))


def asked(*indexes: int) -> CallRecord:
    return CallRecord("call", "job", "document", indexes)


@pytest.mark.parametrize(
    ("call", "conversion"),
    [
        (asked(0, 1), brought(0, 1)),
        (asked(4), brought(4, 5)),
        (CallRecord("call", "job", "document", None), brought(0)),
    ],
)
def test_an_answer_with_all_pages_lacks_none(call: CallRecord, conversion: Conversion) -> None:
    assert missing_pages(call, conversion) is None


def test_the_first_page_that_was_left_out_is_named_as_people_count() -> None:
    missing = missing_pages(asked(3, 4, 5), brought(3))

    assert missing == "The provider left out 2 of 3 pages (the first is page 5)."


def test_an_answer_without_pages_is_not_whole_even_if_none_were_counted() -> None:
    assert missing_pages(CallRecord("call", "job", "document", None), brought())


def test_what_lies_beside_the_markdown_needs_room_too() -> None:
    page = Page(0, "ä" * 10, layout=Layout(("[1]", "[1,2]")), words=Words.of([Word("x", 1, None)]))
    linked = page_details.bounded(Page(1, "text", links=(Link(None, "x" * 100),)))

    conversion = Conversion((page, linked), Usage(2, "model"), extraction="ä{}")

    assert stored_bytes(conversion) == STORED_COPIES * (40 + 3 + 5 + 12 + 4 + 121 + 3 * 4)
