"""Boxes of headings that have more than one line (ilios.engines.embedded.pdf.headings)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ilios.engines.detection import media_types
from ilios.engines.embedded.pdf.headings import HeadingBoxes
from ilios.engines.page_structure import Box
from tests.support.sample_files import pdf, text
from tests.unit.engines.embedded.conftest import Convert, blocks_of
from tests.unit.engines.embedded.linear.test_linear import is_linear, processor_time


@dataclass(frozen=True)
class Item:
    text: str
    x: float
    y: float
    width: float = 50.0
    height: float = 10.0


FIRST_LINE: Box = (20.0, 30.0, 70.0, 40.0)


@pytest.mark.parametrize(
    ("items", "box"),
    [
        ([Item("Herons", 20, 30), Item("wait", 20, 45, 80)], (20, 30, 100, 55)),
        ([Item("Herons", 19.7, 29.8), Item("wait", 20, 45)], (19.7, 29.8, 70, 55)),
        (
            [
                Item("Herons", 20, 30),
                Item("Beside", 300, 30),
                Item("wait", 20, 45),
                Item("it", 300, 45),
            ],
            (20, 30, 70, 55),
        ),
        ([Item("Herons", 20, 30), Item("fly", 20, 45)], FIRST_LINE),
        ([Item("Herons", 20, 300), Item("wait", 20, 345)], FIRST_LINE),
        (
            [Item("Herons", 20, 30), *[Item("x", 90, 30)] * 9, Item("wait", 20, 45)],
            FIRST_LINE,
        ),
        ([], FIRST_LINE),
    ],
)
def test_a_heading_has_the_box_of_all_of_its_lines(items: list[Item], box: Box) -> None:
    assert HeadingBoxes(items).whole("Herons *wait*", FIRST_LINE) == box


def test_the_heading_of_two_lines_of_a_page_is_in_its_box(convert: Convert) -> None:
    body = text(*["The text below has many more letters."] * 20, matrix="1 0 0 1 70 600")
    heading = text("A heading of two lines", "that stand below each other", size=30)

    page = convert(pdf(heading + body), media_types.PDF).pages[0]

    title = next(block for block in blocks_of(page) if block.type == "title")
    assert title.box is not None
    assert page.markdown[title.start : title.end].endswith("below each other")
    assert title.box[3] - title.box[1] > 45


@pytest.mark.parametrize("written", ["xy", "-"])
def test_time_is_in_proportion_to_headings_and_pieces(written: str) -> None:
    def seconds(size: int) -> float:
        items = [Item(written, 20, 30)] * size
        with processor_time() as taken:
            found = HeadingBoxes(items)
            for _ in range(size):
                found.whole(written * 20 + "end", FIRST_LINE)
        return taken[0]

    assert is_linear(seconds, 400)
