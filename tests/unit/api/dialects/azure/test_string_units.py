"""Texts counted in the three units of the dialect."""

from __future__ import annotations

import pytest

from ilios.api.dialects.azure.string_units import (
    CODE_POINTS,
    TEXT_ELEMENTS,
    UTF16_UNITS,
    measure_of,
)


@pytest.mark.parametrize(
    ("text", "clusters", "utf16"),
    [
        ("", 0, 0),
        ("heron", 5, 5),
        ("a\r\nb\nc", 5, 6),
        ("é", 1, 1),
        ("e\u0301\u0323x", 2, 4),
        ("\u0301x", 2, 2),  # there is nothing that a mark could belong to
        ("\n\u0301", 2, 2),
        ("🐦", 1, 2),
        ("👩\u200d👩", 2, 5),  # as Unicode 8.0 has it
        ("🇩🇪🇫🇷", 1, 8),
        ("한글", 2, 2),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", 2, 6),
        ("하\u11ab", 1, 2),
        ("한\u1161", 2, 2),  # a vowel behind a trailing consonant begins anew
        ("\u1100가", 1, 2),
        ("น้ำ", 1, 3),
        ("नि", 1, 2),
    ],
)
def test_each_unit_counts_its_own_way(text: str, clusters: int, utf16: int) -> None:
    assert measure_of(TEXT_ELEMENTS)(text) == clusters
    assert measure_of(CODE_POINTS)(text) == len(text)
    assert measure_of(UTF16_UNITS)(text) == utf16
