"""Delimited text as a table."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from ilios.engines.embedded.text import delimited
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
    ("content", "kept"),
    [
        ("a,b,c,d\n" + "1\n" * 10, ["| a | b | c | d |", "| 1 |  |  |  |"]),
        ("a\n" * 10 + "1,2,3,4\n", ["| a |"]),
    ],
)
def test_one_wide_row_does_not_make_a_table_of_empty_cells(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, content: str, kept: list[str]
) -> None:
    monkeypatch.setattr(limits, "SHEET_MAX_CELLS", 20)

    converted = convert(content.encode(), media_types.CSV)

    assert set(converted.markdown.splitlines()) - {"| --- |", "| --- | --- | --- | --- |"} == {
        *kept
    }
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


def test_a_tsv_is_divided_at_its_tabs_whatever_else_is_even() -> None:
    content = "Ann; lead\tBob; aide\nCyd; lead\tDee; aide\n"

    assert table_of(content, "team.tsv").split("\n")[0] == "| Ann; lead | Bob; aide |"
    assert table_of("Ann;Bob\nCyd;Dee\n", "team.tab").split("\n")[0] == "| Ann | Bob |"


@pytest.mark.parametrize(
    "rows",
    [
        ['elm,long,"5 inch', "oak,short,3 cm", "ash,long,9 cm"],
        ["elm,long,2 cm", '"5 inch oak,short,3 cm', '"7 inch ash,long,9 cm', "fir,short,1 cm"],
    ],
)
def test_a_quotation_mark_that_is_none_hides_nothing(convert: Convert, rows: list[str]) -> None:
    table = convert("\n".join(rows).encode(), media_types.CSV).markdown

    expected = [f"| {' | '.join(row.split(','))} |" for row in rows]
    assert [line for line in table.split("\n") if "---" not in line] == expected


def test_text_behind_a_closing_quotation_mark_is_kept(convert: Convert) -> None:
    content = b'elm,"tall, old" tree\noak,"low, young"\n'

    assert "| elm | tall, old tree |" in convert(content, media_types.CSV).markdown


def test_a_cell_may_be_long(convert: Convert) -> None:
    content = b'name,text\nelm,"' + b"leaf " * 300_000 + b'"\n'

    assert convert(content, media_types.CSV).markdown.count("leaf") == 300_000


CELLS = st.lists(
    st.sampled_from(
        ["wren", "Größe", "12", "#", "*", "<b>", "`", '"', "\n", "~~~", "[x](y)", "鶴"]
    ),
    min_size=1,
    max_size=4,
).map(" ".join)


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=2, max_size=6),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@settings(deadline=None, max_examples=80)
def test_every_cell_comes_once_and_in_order(
    rows: list[list[str]], delimiter: str, encoding: str
) -> None:
    content = io.StringIO()
    csv.writer(content, delimiter=delimiter).writerows(rows)

    table = table_of(content.getvalue(), "table.csv", encoding)

    words = [word for row in rows for cell in row for word in cell.split()]
    shown = re.sub(r"\\(?=[^\w\s])", "", "\n".join(table.split("\n")[:1] + table.split("\n")[2:]))
    assert [word for word in shown.split() if word != "|"] == words


def table_of(content: str, file_name: str, encoding: str = "utf-8") -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table")
        path.write_bytes(content.encode(encoding))
        source = Source(path, media_types.CSV, file_name)
        document = delimited.open_document(source, Path(folder), 1)
        return next(document.pages([0])).markdown


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_tab_can_be_declared_as_the_delimiter(convert: Convert, ending: str) -> None:
    content = ending.join(["sep=\t", "Heron\t3", "Stork\t5", ""])

    table = convert(content.encode(), media_types.CSV).markdown

    assert table == "| Heron | 3 |\n| --- | --- |\n| Stork | 5 |"


@pytest.mark.parametrize(
    "content",
    [
        'Bird, "Place, Year"\nHeron, "Ely, 1998"\nStork, "Ulm, 2004"\n',
        'Bird,"Place, Year"\nHeron,"Ely, 1998"\nStork,"Ulm, 2004"\n',
    ],
)
def test_a_quoted_field_may_follow_a_blank(convert: Convert, content: str) -> None:
    assert convert(content.encode(), media_types.CSV).markdown == (
        "| Bird | Place, Year |\n| --- | --- |\n| Heron | Ely, 1998 |\n| Stork | Ulm, 2004 |"
    )


def test_quotation_marks_may_be_escaped_by_backslashes(convert: Convert) -> None:
    content = b'Who,Says,Path\n"Ann","\\"Come, now\\", please","C:\\tmp"\n'

    assert convert(content, media_types.CSV).markdown.endswith(
        '| Ann | "Come, now", please | C:\\\\tmp |'
    )
