"""Cells of tables: each text once, wherever the table is cut."""

from __future__ import annotations

import pytest

from ilios.api.dialects.table_rows import OPEN_SPANS_MAX, SPAN_MAX, Cell, rows
from ilios.engines.page_text import PIECE_MAX_CHARACTERS, cut
from tests.unit.engines.embedded.linear.test_linear import is_linear, processor_time


def shown(table: str) -> list[list[tuple[int, int, str]]]:
    return [[(cell.row, cell.column, cell.text) for cell in row] for row in rows(cut(table))]


def test_a_table_in_markdown_has_plain_cells_below_a_head() -> None:
    table = "| *a* | b\\|c |\n| --- | --- |\n| `1`\t2 |  |"

    assert list(rows([table])) == [
        [Cell(0, 0, "a", is_header=True), Cell(0, 1, "b|c", is_header=True)],
        [Cell(1, 0, "1 2"), Cell(1, 1, "")],
    ]


def test_a_cell_in_html_that_spans_fields_stands_once_and_others_give_way_to_it() -> None:
    table = (
        '<table><tr><th rowspan="2">A</th><th colspan=2>B &amp; C</th></tr>'
        "<tr><td>b</td><td>c</td></tr><tr><td>1<td>2<td>3</tr></table>"
    )

    first, *below = rows([table])

    assert first == [
        Cell(0, 0, "A", row_span=2, is_header=True),
        Cell(0, 1, "B & C", column_span=2, is_header=True),
    ]
    assert below == [
        [Cell(1, 1, "b"), Cell(1, 2, "c")],
        [Cell(2, 0, "1"), Cell(2, 1, "2"), Cell(2, 2, "3")],
    ]


def test_a_table_inside_of_a_cell_is_text_of_it() -> None:
    table = "<table><tr><td>a<table><tr><td>b</td></tr></table>c</td><td>d</td></tr></table>"

    assert shown(table) == [[(0, 0, "a b c"), (0, 1, "d")]]


@pytest.mark.parametrize("span", ["0", "9999", "99999999", "-1", "1.5", "x"])
def test_spans_are_bounded_whatever_they_say(span: str) -> None:
    table = f'<table><tr><td colspan="{span}" rowspan={span}>a</td><td>b</td></tr></table>'

    ((first, second),) = rows([table])

    assert 1 <= first.column_span <= SPAN_MAX
    assert 1 <= first.row_span <= SPAN_MAX
    assert second.column == first.column_span


@pytest.mark.parametrize("table", ["", "<table></table>", "<table><tr></tr></table>"])
def test_a_table_without_cells_has_no_text(table: str) -> None:
    assert "".join(cell.text for row in rows([table]) for cell in row) == ""


def test_a_long_table_has_all_its_rows_once() -> None:
    count = 3 * PIECE_MAX_CHARACTERS // 20
    table = "| place | bird |\n| --- | --- |\n" + "".join(
        f"| {number} | heron {number} |\n" for number in range(count)
    )

    found = shown(table)

    assert found[0] == [(0, 0, "place"), (0, 1, "bird")]
    assert found[1:] == [
        [(number + 1, 0, str(number)), (number + 1, 1, f"heron {number}")]
        for number in range(count)
    ]


def test_time_is_in_proportion_whatever_spans() -> None:
    head = f"<tr>{'<td rowspan=200>x</td>' * 2 * OPEN_SPANS_MAX}</tr>"

    def seconds(count: int) -> float:
        table = f"<table>{head * (1 + count // 200)}{'<tr><td>x' * count}</table>"
        with processor_time() as taken:
            list(rows(cut(table)))
        return taken[0]

    assert is_linear(seconds, 1_000)
