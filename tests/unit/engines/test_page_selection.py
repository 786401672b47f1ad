"""The `pages` option."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.core.conversion_errors import PagesOutOfRange
from ilios.core.request_errors import InvalidField
from ilios.engines.page_selection import MAX_PAGE_NUMBER, PageSelection


@pytest.mark.parametrize(
    ("text", "normal", "indexes"),
    [
        ("1", "1", [0]),
        ("1-3,7", "1-3,7", [0, 1, 2, 6]),
        ("7, 1 - 3", "1-3,7", [0, 1, 2, 6]),
        ("2,1,2", "1-2", [0, 1]),
        ("1-4,3-5", "1-5", [0, 1, 2, 3, 4]),
        ("007", "7", [6]),
    ],
)
def test_a_selection_is_sorted_and_merged(text: str, normal: str, indexes: list[int]) -> None:
    selection = PageSelection.parse(text)

    assert str(selection) == normal
    assert selection.indexes(page_count=10) == indexes


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "0",
        "0-3",
        "3-1",
        "-1",
        "1-",
        "a",
        "1;2",
        "1-2-3",
        "1,",
        "1.5",
        "²",
        "9999999",
        "１",
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(InvalidField, match=r"pages is .*; allowed: .*1-3,7"):
        PageSelection.parse(text)


def test_a_page_that_the_document_lacks_is_named_with_what_it_has() -> None:
    with pytest.raises(PagesOutOfRange, match=r"pages=2-4 .* 3 pages\. Choose pages from 1 to 3"):
        PageSelection.parse("2-4").indexes(page_count=3)


@given(st.sets(st.integers(1, MAX_PAGE_NUMBER), min_size=1, max_size=50))
def test_what_is_written_is_read_again(numbers: set[int]) -> None:
    selection = PageSelection.parse(",".join(map(str, numbers)))

    assert selection.indexes(MAX_PAGE_NUMBER) == sorted(number - 1 for number in numbers)
    assert PageSelection.parse(str(selection)) == selection
