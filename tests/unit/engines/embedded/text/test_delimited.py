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
