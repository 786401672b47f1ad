"""Recognised text as Markdown: paragraphs and headings."""

from __future__ import annotations

from ilios.engines.embedded.ocr.layout import columns
from ilios.engines.embedded.ocr.markdown import to_markdown
from ilios.engines.embedded.ocr.recognized_text import RecognizedText, TextLine

PROSE = "words enough to fill the line"


def line(text: str, left: float, top: float, width: float = 300, height: float = 20) -> TextLine:
    place = left, top, left + width, top + height
    return TextLine(text, 0.99, *place, place)


def written(*lines: TextLine) -> str:
    return to_markdown(RecognizedText(lines), columns(lines))


def test_full_lines_flow_and_short_lines_end() -> None:
    address = [line("12 High Street", 0, 0, 120), line("London", 0, 24, 60)]
    prose = [line(f"{n} {PROSE}", 0, 100 + 24 * n) for n in range(3)]

    assert written(*address, *prose) == (
        f"12 High Street  \nLondon\n\n0 {PROSE} 1 {PROSE} 2 {PROSE}"
    )


def test_a_large_line_is_a_heading() -> None:
    lines = (line("Annual report", 0, 0, 300, 44), *(line(PROSE, 0, 90 + 24 * n) for n in range(4)))

    assert written(*lines).startswith("# Annual report\n\n")
