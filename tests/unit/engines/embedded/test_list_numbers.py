"""Numbers of lists in words and letters of Office."""

from __future__ import annotations

from ilios.engines.embedded import list_numbers


def test_numbers_are_written_as_office_writes_them() -> None:
    assert [list_numbers.roman(n) for n in (4, 1999, 4000, 0)] == ["iv", "mcmxcix", "4000", "0"]
    assert [list_numbers.letters(n) for n in (1, 26, 27, 54, 781)] == ["a", "z", "aa", "bbb", "781"]
    assert [list_numbers.ordinal(n) for n in (1, 2, 11, 23)] == ["1st", "2nd", "11th", "23rd"]
