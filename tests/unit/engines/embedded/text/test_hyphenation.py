"""Joining lines whose last word is hyphenated."""

from __future__ import annotations

import pytest

from ilios.engines.embedded.text.hyphenation import joined


@pytest.mark.parametrize(
    ("above", "below", "expected"),
    [
        ("infor-", "mation here", "information here"),
        ("high-", "quality", "high-quality"),
        ("DocLayNet-", "trained", "DocLayNet-trained"),
        ("pages 3-", "5 of it", "pages 3-5 of it"),
        ("hin-", "und her", "hin- und her"),
        ("thou-", "sand and", "thousand and"),
        ("hand-", "orange", "handorange"),
        ("plain", "words", "plain words"),
    ],
)
def test_words_that_a_line_break_cut_are_joined(above: str, below: str, expected: str) -> None:
    assert joined(above, below) == expected
