"""Numbers of lists, in the formats of Word and of browsers."""

from __future__ import annotations

import pytest

from ilios.engines.embedded import list_numbers


@pytest.mark.parametrize(
    ("number", "form", "written"),
    [
        (1994, "lowerRoman", "mcmxciv"),
        (54, "lowerLetter", "bbb"),
        (11, "ordinal", "11th"),
        (4000, "upperRoman", "4000"),
        (28, "upperLetter", "BB"),
        (999_999, "lowerLetter", "999999"),
        (0, "lowerLetter", "0"),
        (112, "ordinal", "112th"),
        (30, "ordinalText", "Thirtieth"),
        (45, "cardinalText", "Forty-five"),
        (21, "japaneseCounting", "二十一"),
        (10, "ideographDigital", "一〇"),
        (21, "decimalEnclosedCircle", "21"),
        (3, "some format to come", "3"),
        (3, "numberInDash", "- 3 -"),
        (26, "hex", "1A"),
        (7, "001", "007"),
    ],
)
def test_numbers_are_written_in_their_format(number: int, form: str, written: str) -> None:
    assert list_numbers.written(number, form) == written


def test_letters_go_on_with_pairs_in_browsers_and_opendocument() -> None:
    assert [list_numbers.alphabetic(n) for n in (1, 26, 27, 54, 703, 0)] == [
        *("a", "z", "aa", "bb", "aaa", "0"),
    ]
