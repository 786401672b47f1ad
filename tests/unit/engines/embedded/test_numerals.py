"""Numbers that documents give as text."""

from __future__ import annotations

import pytest

from ilios.engines.embedded.numerals import unsigned, whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("-7", -7),
        ("0", 0),
        ("²", None),
        ("٣", None),
        ("1_0", None),
        (" 1", None),
        ("--5", None),
        ("", None),
        (None, None),
        ("9" * 9, 999_999_999),
        ("9" * 10, None),
        ("9" * 5_000, None),
    ],
)
def test_figures_of_ascii_are_a_number_if_they_are_few(
    text: str | None, number: int | None
) -> None:
    assert whole_number(text) == number


def test_what_is_no_number_or_negative_is_taken_as_not_given() -> None:
    assert [unsigned(text, 1) for text in ("3", "-3", "²", None)] == [3, 1, 1, 1]
