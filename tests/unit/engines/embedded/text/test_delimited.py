"""Delimited text as a table."""

from __future__ import annotations

import pytest

from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from tests.unit.engines.embedded.conftest import Convert


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_becomes_a_table_whatever_its_delimiter(convert: Convert, delimiter: str) -> None:
    rows = [["Name", "Size"], ["Eider", '"50\ncm"'], ["Teal", "35"]]
    content = "\n".join(delimiter.join(row) for row in rows)

    assert convert(content.encode(), media_types.CSV).markdown == (
        "| Name | Size |\n| --- | --- |\n| Eider | 50 cm |\n| Teal | 35 |"
    )


def test_a_csv_with_too_many_columns_is_cut_with_a_warning(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TABLE_MAX_COLUMNS", 2)

    converted = convert(b"a,b,c\n1,2,3\n", media_types.CSV)

    assert converted.markdown == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert converted.warnings == [("truncated_table", 1)]


@pytest.mark.parametrize(
    "rows",
    [
        ["Elm;2,5", "Oak;3,25", "Ash;0,75"],
        ["Tree;Height, m", "Elm;12,5", "Oak;31,0"],
        ["2,5;3,5;4,5", "1,5;0,5;6,5"],
        ["Beam;1.234,50 €", "Plank;99,00 €"],
        ["Cole, Nat;12", "Reed, Lou;31"],
        ["Growth;12,5 %", "Loss;-3,1 %"],
    ],
)
@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_comma_inside_fields_divides_nothing(
    convert: Convert, rows: list[str], delimiter: str
) -> None:
    content = "\n".join(row.replace(";", delimiter) for row in rows)

    table = convert(content.encode(), media_types.CSV).markdown

    expected = [f"| {' | '.join(row.split(';'))} |" for row in rows]
    assert [line for line in table.split("\n") if "---" not in line] == expected


@pytest.mark.parametrize("content", ["x,1;2\ny,3;4", "Elm,tall;old\nOak,low;young", "1,2\n3,4"])
def test_a_comma_divides_although_fields_hold_semicolons(convert: Convert, content: str) -> None:
    table = convert(content.encode(), media_types.CSV).markdown

    assert table.split("\n")[0] == f"| {content.split(chr(10))[0].replace(',', ' | ')} |"
