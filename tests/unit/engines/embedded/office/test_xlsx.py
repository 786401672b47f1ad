"""Excel workbooks: sheets, blocks of cells, formulas, limits."""

from __future__ import annotations

import datetime
import io

import pytest
from openpyxl import Workbook

from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from tests.unit.engines.embedded.conftest import Convert


def workbook(*sheets: list[list[object]]) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet {number}")
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_every_sheet_is_a_page_and_every_block_a_table(convert: Convert) -> None:
    first: list[list[object]] = [
        ["Region", "Total"],
        ["North", 1200.5],
        [],
        ["Month", "Share"],
        [datetime.date(2024, 1, 31), True],
    ]

    converted = convert(workbook(first, [["x", "y"], [1, 2]]), media_types.XLSX)

    assert converted.counts.total == 2
    assert converted.pages[0].markdown.split("\n\n") == [
        "## Sheet 1",
        "| Region | Total |\n| --- | --- |\n| North | 1200.5 |",
        "| Month | Share |\n| --- | --- |\n| 2024-01-31 | TRUE |",
    ]


def test_a_formula_without_a_result_is_shown_itself(convert: Convert) -> None:
    converted = convert(workbook([["a", "b"], [1, "=A2*2"]]), media_types.XLSX)

    assert "| 1 | =A2\\*2 |" in converted.markdown


def test_an_empty_sheet_is_reported(convert: Convert) -> None:
    assert convert(workbook([["a"]], []), media_types.XLSX).warnings == [("empty_page", 2)]


def test_a_sheet_beyond_the_limit_is_cut_with_a_warning(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SHEET_MAX_CELLS", 20)

    converted = convert(workbook([[1, 2, 3]] * 30), media_types.XLSX)

    assert converted.warnings == [("truncated_table", 1)]
