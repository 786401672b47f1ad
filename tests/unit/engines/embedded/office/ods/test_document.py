"""OpenDocument spreadsheets: sheets as pages, cells as they are shown."""

from __future__ import annotations

import pytest

from ilios.core.conversion_errors import CorruptDocument, DocumentTooLarge, EmptyDocument
from ilios.engines.detection import media_types
from ilios.engines.embedded.office.ods import document
from tests.support.sample_files import archive
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.office.odt.test_document import CREATOR, LINKS, NAMES


def sheet(rows: str, name: str = "Sheet1", **attributes: str) -> str:
    more = "".join(f' table:{key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f'<table:table table:name="{name}"{more}>{rows}</table:table>'


def row(*written: str, times: int = 1) -> str:
    repeated = f' table:number-rows-repeated="{times}"' if times > 1 else ""
    return f"<table:table-row{repeated}>{''.join(written)}</table:table-row>"


def cell(text: str = "", times: int = 1, more: str = "", **values: str) -> str:
    repeated = f' table:number-columns-repeated="{times}"' if times > 1 else ""
    said = "".join(f' office:{key.replace("_", "-")}="{value}"' for key, value in values.items())
    shown = f"<text:p>{text}</text:p>" if text else ""
    return f"<table:table-cell{repeated}{said}>{more}{shown}</table:table-cell>"


def content(*sheets: str, styles: str = "") -> str:
    return (
        f"<office:document-content {NAMES} {LINKS} {CREATOR}>"
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{''.join(sheets)}</office:spreadsheet></office:body>"
        "</office:document-content>"
    )


def spreadsheet(*sheets: str, styles: str = "", **parts: str) -> bytes:
    objects = {f"{name}/content.xml": part for name, part in parts.items()}
    return archive({"content.xml": content(*sheets, styles=styles), **objects})


def test_a_sheet_is_a_page_with_its_name(convert: Convert) -> None:
    file = spreadsheet(
        sheet(row(cell("a"), cell("b")) + row(cell("1"), cell("2"))),
        sheet(row(cell("x"), cell("y")) + row(cell("3"), cell("4")), "Other *one*"),
    )

    converted = convert(file, media_types.ODS)

    assert [page.markdown for page in converted.pages] == [
        "## Sheet1\n\n| a | b |\n| --- | --- |\n| 1 | 2 |",
        "## Other \\*one\\*\n\n| x | y |\n| --- | --- |\n| 3 | 4 |",
    ]
    assert converted.warnings == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (cell("1.234,50 €", value_type="currency", value="1234.5"), "1.234,50 €"),
        (cell("31.01.24", value_type="date", date_value="2024-01-31"), "2024-01-31"),
        (
            cell("01/02/24 10:30", value_type="date", date_value="2024-02-01T10:30:00"),
            "2024-02-01 10:30",
        ),
        (cell("January 2024", value_type="date", date_value="2024-01-01"), "January 2024"),
        (cell("25:30", value_type="time", time_value="PT25H30M00S"), "25:30"),
        (cell("#N/A", value_type="string"), "#N/A"),
        (cell("a</text:p><text:p>b"), "a b"),
        (cell("a<text:tab/>b"), "a b"),
        (cell(value_type="float", value="7"), "7"),
        (cell('<text:a xlink:href="https://a.example">a</text:a>'), "[a](https://a.example)"),
    ],
)
def test_a_cell_is_written_as_it_is_shown(convert: Convert, written: str, expected: str) -> None:
    file = spreadsheet(sheet(row(cell("x"), cell("y")) + row(cell("z"), written)))

    assert f"| z | {expected} |" in convert(file, media_types.ODS).markdown


def test_cells_and_rows_that_are_repeated_stand_so_often(convert: Convert) -> None:
    rows = row(cell("a", times=2), cell("b")) + row(cell("1"), cell("2", times=2), times=2)

    assert convert(spreadsheet(sheet(rows)), media_types.ODS).markdown == (
        "## Sheet1\n\n| a | a | b |\n| --- | --- | --- |\n| 1 | 2 | 2 |\n| 1 | 2 | 2 |"
    )


def test_empty_rows_part_tables_and_take_no_time(convert: Convert) -> None:
    table = row(cell("a"), cell("b")) + row(cell("1"), cell("2"))
    rows = table + row(cell(times=16_384), times=1_000_000) + table

    markdown = convert(spreadsheet(sheet(rows)), media_types.ODS).markdown

    assert markdown.count("| a | b |\n| --- | --- |\n| 1 | 2 |") == 2


def test_cells_that_are_covered_and_sheets_that_are_hidden(convert: Convert) -> None:
    style = (
        '<style:style style:name="h" style:family="table">'
        '<style:table-properties table:display="false"/></style:style>'
    )
    covered = "<table:covered-table-cell><text:p>gone</text:p></table:covered-table-cell>"
    rows = row(cell("a"), covered, cell("b")) + row(cell("1"), cell("2"), cell("3"))

    markdown = convert(
        spreadsheet(sheet(rows, style_name="h"), styles=style), media_types.ODS
    ).markdown

    assert markdown == "## Sheet1 (hidden)\n\n| a |  | b |\n| --- | --- | --- |\n| 1 | 2 | 3 |"


def test_notes_are_listed_with_their_places(convert: Convert) -> None:
    note = (
        "<office:annotation><dc:creator>Ann</dc:creator><text:p>Why?</text:p></office:annotation>"
    )
    rows = row(cell("a"), cell("b", more=note)) + row(cell("1"), cell("2"))

    converted = convert(spreadsheet(sheet(rows)), media_types.ODS)

    assert converted.markdown.endswith("| 1 | 2 |\n\n- B1: Why?")
    assert converted.warnings == []


def test_a_chart_gives_its_titles(convert: Convert) -> None:
    chart = (
        f"<office:document-content {NAMES}><office:body><office:chart><chart:chart>"
        "<chart:title><text:p>Sales</text:p></chart:title><table:table><table:table-row>"
        "<table:table-cell><text:p>9</text:p></table:table-cell></table:table-row></table:table>"
        "</chart:chart></office:chart></office:body></office:document-content>"
    )
    shapes = '<table:shapes><draw:frame><draw:object xlink:href="./C"/></draw:frame></table:shapes>'
    file = spreadsheet(sheet(shapes + row(cell("a"))), C=chart)

    assert convert(file, media_types.ODS).markdown == "## Sheet1\n\na\n\nSales"


def test_an_empty_sheet_says_so(convert: Convert) -> None:
    converted = convert(spreadsheet(sheet(row(cell()))), media_types.ODS)

    assert converted.markdown == "## Sheet1"
    assert converted.warnings == [("empty_page", 1)]


def test_a_flat_spreadsheet_is_read(convert: Convert) -> None:
    flat = content(sheet(row(cell("a")))).replace("document-content", "document")

    assert convert(flat.encode(), media_types.FODS).markdown == "## Sheet1\n\na"


def test_what_repeats_too_often_is_cut(convert: Convert) -> None:
    rows = row(cell("a"), cell("b"), times=100_000)

    converted = convert(spreadsheet(sheet(rows)), media_types.ODS)

    assert converted.markdown.count("| a | b |") == 200
    assert converted.warnings == [("truncated_table", 1)]


def test_a_bomb_is_refused(convert: Convert) -> None:
    file = archive({"content.xml": "<a>" + " " * (300 * 1024**2) + "</a>"})

    with pytest.raises(DocumentTooLarge):
        convert(file, media_types.ODS)


@pytest.mark.parametrize(
    "broken", [b"PK\x03\x04", archive({"content.xml": "<a>"}), archive({"a": "b"})]
)
def test_a_damaged_file_is_corrupt(convert: Convert, broken: bytes) -> None:
    with pytest.raises(CorruptDocument, match=document.KIND):
        convert(broken, media_types.ODS)


def test_a_file_without_sheets_is_empty(convert: Convert) -> None:
    with pytest.raises(EmptyDocument):
        convert(spreadsheet(), media_types.ODS)
