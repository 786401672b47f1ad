from __future__ import annotations

import subprocess
import sys

import pytest

from ilios.engines.embedded import markdown
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.ocr.layout import columns
from ilios.engines.embedded.ocr.markdown import written
from ilios.engines.embedded.ocr.recognized_text import RecognizedText, TextLine
from ilios.engines.embedded.pdf import fidelity
from ilios.engines.embedded.text.hyphenation import joined

PROSE = "words enough to fill the line"


def line(text: str, left: float, top: float, width: float = 300, height: float = 20) -> TextLine:
    return TextLine(text, 0.99, left, top, left + width, top + height)


def texts(*lines: TextLine) -> list[str]:
    return [row.text for column in columns(lines) for row in column]


def test_columns_between_a_title_and_a_footer_are_read_one_by_one() -> None:
    left = [line(f"L{n} {PROSE}", 0, 100 + 25 * n) for n in range(6)]
    right = [line(f"R{n} {PROSE}", 330, 100 + 25 * n) for n in range(6)]

    read = texts(line("Title", 0, 40, 630), *right, *left, line("Footer", 0, 300, 630))

    assert [text.split()[0] for text in read] == [
        "Title", *(f"L{n}" for n in range(6)), *(f"R{n}" for n in range(6)), "Footer",
    ]  # fmt: skip


def test_cells_side_by_side_stay_in_their_row() -> None:
    items = [line(f"Item {n}", 0, 30 * n, 90) for n in range(6)]
    prices = [line(f"{n}.00", 400, 30 * n, 60) for n in range(6)]

    assert texts(*items, *prices) == [f"Item {n} {n}.00" for n in range(6)]


def test_full_lines_flow_and_short_lines_end() -> None:
    address = [line("12 High Street", 0, 0, 120), line("London", 0, 24, 60)]
    prose = [line(f"{n} {PROSE}", 0, 100 + 24 * n) for n in range(3)]

    assert written(RecognizedText((*address, *prose))) == (
        f"12 High Street  \nLondon\n\n0 {PROSE} 1 {PROSE} 2 {PROSE}"
    )


def test_a_large_line_is_a_heading() -> None:
    lines = (line("Annual report", 0, 0, 300, 44), *(line(PROSE, 0, 90 + 24 * n) for n in range(4)))

    assert written(RecognizedText(lines)).startswith("# Annual report\n\n")


@pytest.mark.parametrize(
    ("above", "below", "expected"),
    [
        ("infor-", "mation here", "information here"),
        ("high-", "quality", "high-quality"),
        ("DocLayNet-", "trained", "DocLayNet-trained"),
        ("pages 3-", "5 of it", "pages 3-5 of it"),
        ("plain", "words", "plain words"),
    ],
)
def test_words_that_a_line_break_cut_are_joined(above: str, below: str, expected: str) -> None:
    assert joined(above, below) == expected


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([Span("a "), Span("b", bold=True), Span(" c")], "a **b** c"),
        ([Span("a "), Span("b", bold=True), Span(", c")], "a b, c"),
        ([Span("a", italic=True), Span("b", italic=True)], "*ab*"),
        ([Span("1. start")], "1\\. start"),
        ([Span("one\n- two")], "one  \n\\- two"),
    ],
)
def test_spans_become_inline_markdown(spans: list[Span], expected: str) -> None:
    assert markdown.inline(spans) == expected


def test_a_table_loses_what_is_empty() -> None:
    rows = [["a", "", "b"], ["", "", ""], ["c", "", ""]]

    assert markdown.table(rows) == "| a | b |\n| --- | --- |\n| c |  |"


def test_words_that_are_only_split_otherwise_are_not_lost() -> None:
    assert fidelity.kept_share("harbour master book", "harbourmaster book") == 1.0
    assert fidelity.kept_share("harbour", "harbour master book") < fidelity.KEPT_ENOUGH


def test_fonts_without_a_mapping_are_noticed() -> None:
    assert fidelity.is_garbled("\x01\x02\x03 some words \x05\x06\x07\x08 and \x0e\x0f more")
    assert not fidelity.is_garbled("تحسين الإنتاجية وحل المشكلات من خلال البرمجة")


def test_the_package_is_imported_without_its_heavy_libraries() -> None:
    code = (
        "import sys, ilios.engines.embedded.conversion\n"
        "heavy = {'numpy', 'cv2', 'PIL', 'lxml', 'openpyxl', 'rapidocr', 'liteparse'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
