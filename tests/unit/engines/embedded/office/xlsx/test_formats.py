"""Number formats: what a code makes of a stored number or text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilios.engines.embedded.office.xlsx.formats import compiled


def shown(code: str, stored: str, *, is_1904: bool = False) -> str:
    return " ".join(compiled(code).number(float(stored), stored, is_1904=is_1904).split())


@pytest.mark.parametrize(
    ("code", "stored", "expected"),
    [
        ("General", "0.30000000000000004", "0.3"),
        ("General", "123456789012345678", "123456789012345678"),
        ("0000000", "4711", "0004711"),
        ("00\\-00\\-00", "30501", "03-05-01"),
        ("(###) ###-####", "4035550199", "(403) 555-0199"),
        ('0.0" l"', "3.25", "3.3 l"),
        ("0 pcs", "3", "3 pcs"),
        ("#,##0", "0", "0"),
        ("#,##0.00", "1234567.891", "1,234,567.89"),
        ("#,##0,", "7654321", "7,654"),
        ('0.0,,"M"', "7654321", "7.7M"),
        ("0.00", "2.675", "2.68"),
        ("0.0#", "2.5", "2.5"),
        ("#.##", "5", "5"),
        ("0.###%", "0.25", "25%"),
        ("0.0#%", "0.12345", "12.35%"),
        ("[$€-407] #,##0.00", "99.9", "€ 99.90"),
        ('#,##0.00\\ "zł"', "-7", "-7.00 zł"),
        ("$#,##0_);($#,##0)", "-1500", "($1,500)"),
        ('_-* #,##0.00_-;-* #,##0.00_-;_-* "-"??_-;_-@_-', "0", "-"),
        ('"plus" 0;"minus" 0;"none"', "-4", "minus 4"),
        ('"plus" 0;"minus" 0;"none"', "0", "none"),
        ("0;-0;;@", "0", ""),
        (";;;", "42", "42"),
        ('[<1000]0;[>=1000]0.0,"k"', "2500", "2.5k"),
        ('[=1]"yes";[=0]"no"', "1", "yes"),
        ('[=1]"yes";[=0]"no"', "7", "7"),
        ('[<0]"below "0;0', "-3", "below 3"),
        ("[Red][>100]0.0;0", "-3", "-3"),
        ("0.00E+00", "98765", "9.88E+04"),
        ("0.0E-0", "0.00098", "9.8E-4"),
        ("##0.0E+0", "54321", "54.3E+3"),
        ("0.0E+0", "9.99", "1.0E+1"),
        ("# ?/?", "2.75", "2 3/4"),
        ("# ?/8", "0.5", "4/8"),
        ("?/?", "1.5", "3/2"),
        ("# ?/?", "3", "3"),
        ("0", "-0.2", "0"),
        ("0" * 2000, "12", "12"),
    ],
)
def test_a_number_is_shown_as_its_format_says(code: str, stored: str, expected: str) -> None:
    assert shown(code, stored) == expected


@pytest.mark.parametrize(
    ("code", "stored", "expected"),
    [
        ("m/d/yy", "45000", "2023-03-15"),
        ("[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "45000", "2023-03-15"),
        ('yyyy"年"m"月"d"日"', "45000", "2023-03-15"),
        ("dd.mm.yyyy hh:mm", "45000.75", "2023-03-15 18:00"),
        ("yyyy-mm-dd hh:mm:ss.000", "45000.5", "2023-03-15 12:00:00.000"),
        ("mmm yyyy", "45000", "Mar 2023"),
        ("mmmmm", "45000", "M"),
        ("dddd", "45000", "Wednesday"),
        ("d. mmmm", "45000", "15. March"),
        ("yyyy", "45000", "2023"),
        ("h:mm AM/PM", "0.75", "6:00 PM"),
        ("h:mm a/p", "0.25", "6:00 a"),
        ("hh:mm", "45000.999", "23:58"),
        ("mm:ss.0", "0.001", "01:26.4"),
        ("[h]:mm", "2.25", "54:00"),
        ("[mm]:ss", "0.125", "180:00"),
        ("[h]:mm", "-0.5", "-12:00"),
        ("[s].00", "0.0001", "8.64"),
        ("m/d/yyyy", "1", "1900-01-01"),
        ("m/d/yyyy", "0", "0"),
        ("m/d/yyyy h:mm", "0.5", "12:00"),
        ("m/d/yyyy", "-3", "-3"),
        ("m/d/yyyy", "99999999", "99999999"),
    ],
)
def test_a_date_is_iso_8601_and_a_part_of_one_as_its_format_says(
    code: str, stored: str, expected: str
) -> None:
    assert shown(code, stored) == expected


def test_days_are_counted_from_1904_where_the_workbook_says_so() -> None:
    assert shown("yyyy-mm-dd", "0", is_1904=True) == "1904-01-01"


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("General", "Birch", "Birch"),
        ('"No. "@', "Birch", "No. Birch"),
        ('0;-0;0;"<"@">"', "Birch", "<Birch>"),
        ("0.00", "Birch", "Birch"),
        (";;;", "Birch", "Birch"),
    ],
)
def test_a_text_is_shown_as_its_format_says(code: str, text: str, expected: str) -> None:
    assert compiled(code).text(text) == expected


PIECES = st.sampled_from(
    [
        *'0#?.,%/@;- :()egb["8²',
        *("E+", "General", '"a"', "\\b", "_-", "*x", "[h]", "[mm]", "[s]", "[$€-407]", "[<5]"),
        *("[>1E999]", "yyyy", "m", "mm", "mmm", "d", "ddd", "h", "ss", ".00", "AM/PM"),
    ]
)
VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, -1.0, 0.99999999, 60.0, 45000.123, 2958465.99999999, 1e300]
)


@settings(deadline=None, max_examples=300)
@given(pieces=st.lists(PIECES, min_size=1, max_size=9), value=VALUES, is_1904=st.booleans())
def test_no_code_is_an_error(pieces: list[str], value: float, is_1904: bool) -> None:
    written = compiled("".join(pieces)).number(value, repr(value), is_1904=is_1904)

    assert len(written) < 2000
