"""Formulas as they read in another cell."""

from __future__ import annotations

import pytest

from ilios.engines.embedded.office.xlsx.formulas import column_letters, column_number, moved


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("A1+B2", "B3+C4"),
        ("$A1+B$2+$C$3", "$A3+C$2+$C$3"),
        ("SUM(Z9:AA10)", "SUM(AA11:AB12)"),
        ('IF(A1="B2","C3",D4)', 'IF(B3="B2","C3",E6)'),
        ("'Q1 2024'!A1", "'Q1 2024'!B3"),
        ("LOG10(A1)+Rate_A1", "LOG10(B3)+Rate_A1"),
    ],
)
def test_references_move_with_the_cell(formula: str, expected: str) -> None:
    assert moved(formula, rows=2, columns=1) == expected


@pytest.mark.parametrize(("letters", "number"), [("A", 1), ("Z", 26), ("AA", 27), ("XFD", 16384)])
def test_columns_have_letters(letters: str, number: int) -> None:
    assert column_number(letters) == number
    assert column_letters(number) == letters
