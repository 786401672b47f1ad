"""The reading order of recognised lines."""

from __future__ import annotations

from ilios.engines.embedded.ocr.layout import columns
from ilios.engines.embedded.ocr.recognized_text import TextLine

PROSE = "words enough to fill the line"


def line(text: str, left: float, top: float, width: float = 300, height: float = 20) -> TextLine:
    place = left, top, left + width, top + height
    return TextLine(text, 0.99, *place, place)


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
