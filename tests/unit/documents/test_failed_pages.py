"""Ranges of failed pages hold what was noted last of each page, whatever came in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ilios.documents import failed_pages
from ilios.documents.failed_pages import FailedPages

NOTES = st.lists(
    st.tuples(st.sets(st.integers(0, 30), max_size=8), st.sampled_from(["a", "b"])), max_size=6
)


@given(notes=NOTES, stored=st.sets(st.integers(0, 30)))
def test_ranges_say_what_a_table_of_pages_would(
    notes: list[tuple[set[int], str]], stored: set[int]
) -> None:
    failed: FailedPages | None = None
    table: dict[int, str] = {}
    for indexes, code in notes:
        failed = failed_pages.merged(failed, indexes, code)
        table |= dict.fromkeys(indexes, code)
    failed = failed_pages.without(failed, stored)
    table = {index: code for index, code in table.items() if index not in stored}

    assert list(failed_pages.each(failed)) == sorted(table.items())
    assert failed_pages.count(failed) == len(table)
    assert (failed is None) == (not table)
    assert set(failed_pages.codes(failed)) == set(table.values())


def test_pages_that_follow_one_another_are_one_range() -> None:
    failed = failed_pages.merged([[3, 4, "a"]], [5, 6, 9], "a")

    assert failed == [[3, 6, "a"], [9, 9, "a"]]
    assert failed_pages.merged(failed, [4], "b") == [
        *([3, 3, "a"], [4, 4, "b"], [5, 6, "a"]),
        [9, 9, "a"],
    ]
