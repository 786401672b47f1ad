"""The structure of converted pages: blocks, their places, tables, links, captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import Image

from ilios.engines.base import ImageFile, Page
from ilios.engines.detection import media_types
from ilios.engines.embedded import structure
from ilios.engines.embedded.alignment import Placed
from ilios.engines.embedded.structure import PlacedPage, Structurer
from ilios.engines.folded_text import folded
from ilios.engines.page_structure import Link, Table, union
from tests.support.sample_files import encoded, noise, pdf, picture, scan, text
from tests.unit.engines.embedded.conftest import Convert, blocks_of
from tests.unit.engines.embedded.linear.test_linear import is_linear, processor_time

STORY = [
    "The harbour master wrote down every ship that came in,",
    "its name, its cargo and the weather of that morning.",
    "Nobody asked him to, and nobody ever read the books.",
]
SIDEWAYS = {
    0: "1 0 0 1 70 700",
    90: "0 1 -1 0 200 100",
    180: "-1 0 0 -1 500 700",
    270: "0 -1 1 0 300 780",
}


def page_of(markdown: str, *images: str) -> Page:
    files = tuple(ImageFile(name, Path(name), media_types.PNG) for name in images)
    return Page(2, markdown, 100.0, 200.0, images=files)


def structured(item: Page | PlacedPage) -> Page:
    return Structurer().structured(item)


def types(page: Page) -> list[str]:
    return [block.type for block in blocks_of(page)]


def placed(text_: str, top: float, **more: object) -> Placed:
    return Placed((10, top, 90, top + 10), folded(text_), **more)  # type: ignore[arg-type]


def test_tables_have_ids_and_links_are_listed() -> None:
    page = structured(page_of("| [a](http://x) |\n| --- |\n\nb\n\n<table></table>"))

    assert page.tables == (
        Table("table-3-1", 0, 25, "markdown"),
        Table("table-3-2", 30, 45, "html"),
    )
    assert [block.table_id for block in blocks_of(page)] == ["table-3-1", None, "table-3-2"]
    assert page.links == (Link("a", "http://x"),)


@pytest.mark.parametrize(
    ("markdown", "expected", "caption"),
    [
        ("![](a.png)\n\n**Figure 3-1** Herons", ["image", "caption"], "Figure 3-1 Herons"),
        ("Abb. 2: Reiher\n\n![](a.png)", ["caption", "image"], "Abb. 2: Reiher"),
        ("![](a.png)\n\nTable 1 Legs\n\n| a |\n| - |", ["image", "caption", "table"], None),
        ("![](a.png)\n\nTable 1 Legs", ["image", "caption"], "Table 1 Legs"),
        ("![](a.png)\n\nHerons wait.", ["image", "text"], None),
        ("![](a.png)\n\nFigures show 3 herons.", ["image", "text"], None),
        ("![](a.png)\n\nFigure 3-1 shows herons.", ["image", "text"], None),
        ("![](a.png)\n\nMore.\n\nFigure 1", ["image", "text", "text"], None),
        ("![](a.png)\n\nFigure 1 " + "x" * 300, ["image", "text"], None),
    ],
)
def test_a_caption_stands_beside_what_it_names(
    markdown: str, expected: Sequence[str], caption: str | None
) -> None:
    page = structured(page_of(markdown, "a.png"))

    assert types(page) == expected
    assert page.images[0].caption == caption


def test_an_image_has_the_name_of_a_file_of_the_document() -> None:
    structurer = Structurer()
    first = structurer.structured(page_of("![](a.png) ![](b.png)", "a.png"))
    second = structurer.structured(page_of("![](a.png)"))

    assert [block.image_name for block in (*blocks_of(first), *blocks_of(second))] == [
        "a.png",
        None,
        "a.png",
    ]


def test_blocks_get_the_boxes_of_their_texts() -> None:
    page = PlacedPage(
        page_of("# Herons *wait*\n\n- one\n- two\n\nunknown words\n\n![](a.png)", "a.png"),
        [
            placed("Herons wait", 10, confidence=0.5),
            placed("one", 30),
            placed("two", 45),
            placed("unknown", 60),
            placed("", 80, name="a.png"),
        ],
    )

    found = blocks_of(structured(page))

    assert [block.box for block in found] == [
        (10, 10, 90, 20),
        (10, 30, 90, 55),
        None,
        (10, 80, 90, 90),
    ]
    assert [block.confidence for block in found] == [0.5, None, None, None]


def test_a_block_of_which_less_than_most_is_placed_has_no_box() -> None:
    (block,) = blocks_of(structured(PlacedPage(page_of("Herons wait long"), [placed("Herons", 1)])))

    assert block.box is None


def test_tables_whose_texts_are_unknown_are_placed_between_their_neighbours() -> None:
    table = "| a |\n| --- |"
    page = page_of(f"Before\n\n{table}\n\nBetween\n\n{table}\n\n{table}")
    places = [
        placed("Before", 10),
        placed("", 30, kind="table"),
        placed("Between", 50),
        placed("", 70, kind="table"),
        placed("", 90, kind="table"),
    ]

    boxes = [block.box for block in blocks_of(structured(PlacedPage(page, places)))]

    assert [box and box[1] for box in boxes] == [10, 30, 50, 70, 90]


def test_lines_place_what_the_layout_does_not() -> None:
    page = PlacedPage(
        page_of("One\n\nTwo"), [placed("One", 10)], [placed("One", 50), placed("Two", 60)]
    )

    assert [block.box for block in blocks_of(structured(page))] == [
        (10, 10, 90, 20),
        (10, 60, 90, 70),
    ]


def test_lines_complete_what_the_layout_has_placed_in_part() -> None:
    page = PlacedPage(
        page_of("Herons wait"),
        [placed("Herons", 10)],
        [placed("Herons", 90), placed("wait", 50)],
    )

    assert [block.box for block in blocks_of(structured(page))] == [(10, 10, 90, 60)]


def test_a_table_has_no_place_at_which_its_words_are_not() -> None:
    first = "| Herons | wait | for fish that come |\n| --- | --- | --- |"
    page = PlacedPage(
        page_of(f"{first}\n\n| Ducks |\n| --- |"),
        [placed("", 100, kind="table")],
        [placed("Herons", 30), placed("Ducks", 101)],
    )

    assert [block.box for block in blocks_of(structured(page))] == [None, (10, 101, 90, 111)]


def test_lines_are_ranges_of_their_block() -> None:
    markdown = 'He said: "Herons-\nwait", (they) do.'
    lines = ['He said: "Herons-', 'wait", (they) do.']
    places = [placed(line, 10 * n, is_line=True, confidence=0.9) for n, line in enumerate(lines)]

    (block,) = blocks_of(structured(PlacedPage(page_of(markdown), places)))

    assert [markdown[line.start : line.end] for line in block.lines] == lines
    assert [line.box[1] for line in block.lines] == [0, 10]


def test_boxes_lie_in_their_page() -> None:
    places = [Placed((-5, -5, 500, 20), folded("One")), Placed((200, 0, 300, 10), folded("Two"))]

    found = blocks_of(structured(PlacedPage(page_of("One\n\nTwo"), places)))

    assert [block.box for block in found] == [(0, 0, 100, 20), None]


def test_the_last_of_very_many_blocks_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "BLOCKS_MAX_COUNT", 2)

    page = structured(page_of("a\n\nb\n\nc\n\nd\n"))

    assert [(block.start, block.end) for block in blocks_of(page)] == [(0, 1), (3, 10)]
    assert [warning.code for warning in page.warnings] == ["text_loss"]


def test_ranges_are_those_of_the_text_that_is_stored() -> None:
    page = structured(page_of("\ud83d\ude00 a\n\nb\ud800\0c"))

    assert page.markdown == "\U0001f600 a\n\nb\ufffd\ufffdc"
    assert [(block.start, block.end) for block in blocks_of(page)] == [(0, 3), (5, 9)]


@pytest.mark.parametrize(
    ("written", "sought", "more"),
    [
        ("Paragraph {0} of it.", "Paragraph {0} of it.", {"is_line": True}),
        ("Paragraph {0} of it.", "missing {0}", {}),
        ("Paragraph {0} of it.", "a", {}),
        ("Paragraph {0} of it.", "", {"kind": "table"}),
        ("|{0}|\n|-|", "", {"kind": "table"}),
        ("![](a.png)", "", {"name": "a.png"}),
    ],
)
def test_time_is_in_proportion_to_blocks_and_places(
    written: str, sought: str, more: dict[str, object]
) -> None:
    def seconds(size: int) -> float:
        page = page_of("\n\n".join(written.format(n) for n in range(size)), "a.png")
        places = [placed(sought.format(n), 1, **more) for n in range(size)]
        with processor_time() as taken:
            structured(PlacedPage(page, places))
        return taken[0]

    assert is_linear(seconds, 400)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("turned", SIDEWAYS)
def test_boxes_are_where_a_turned_page_shows_its_text(
    convert: Convert, rotate: int, turned: int
) -> None:
    content = text(*STORY, matrix=SIDEWAYS[turned])

    page = convert(pdf(content, rotate=rotate), media_types.PDF).pages[0]

    (block,) = blocks_of(page)
    assert block.box == pytest.approx(shown_ink(content, rotate), abs=4)


def shown_ink(content: bytes, rotate: int) -> tuple[float, ...]:
    """Return the bounds of what a page shows, in points."""
    document = pdfium.PdfDocument(pdf(content, rotate=rotate))
    shown = document[0].render().to_pil()
    document.close()
    return ink(shown)


SCANS = {
    "upright": (scan(STORY, size=(1240, 500)), 0),
    "left": (scan(STORY, size=(1240, 500)).rotate(90, expand=True), 3),
    "upside down": (scan(STORY, size=(1240, 500)).rotate(180), 2),
    "right": (scan(STORY, size=(1240, 500)).rotate(270, expand=True), 1),
    "aslant": (scan(STORY, size=(1240, 500)).rotate(3, fillcolor="white"), 0),
    "small": (scan(STORY, size=(620, 300), font=15), 0),
}


@pytest.mark.parametrize("kind", SCANS)
def test_boxes_are_where_a_scan_shows_its_text(convert: Convert, kind: str) -> None:
    image, turns = SCANS[kind]

    page = convert(encoded(image, "PNG"), media_types.PNG).pages[0]

    found = blocks_of(page)
    lines = [line for block in found for line in block.lines]
    boxes = [block.box for block in found if block.box is not None]
    margin = image.width / 60
    assert union(boxes) == pytest.approx(ink(image), abs=margin)
    assert union([line.box for line in lines]) == pytest.approx(ink(image), abs=margin)
    assert [page.markdown[line.start : line.end].split()[0] for line in lines] == [
        line.split()[0] for line in STORY
    ]
    assert page.turns == turns
    assert page.confidence is not None
    assert page.confidence > 0.9


def test_a_scan_in_a_pdf_has_boxes_in_points(convert: Convert) -> None:
    image = scan(STORY, size=(1240, 500)).rotate(90, expand=True)

    page = convert(pdf(picture(0, 0, 595, 842), image=image), media_types.PDF).pages[0]

    boxes = [block.box for block in blocks_of(page) if block.box is not None]
    scale = 595 / image.width, 842 / image.height
    expected = [side * scale[place % 2] for place, side in enumerate(ink(image))]
    assert union(boxes) == pytest.approx(expected, abs=20)
    assert page.turns == 3


def test_an_image_has_the_box_at_which_a_turned_page_shows_it(convert: Convert) -> None:
    content = text(*STORY) + picture(100, 300, 200, 80)

    page = convert(pdf(content, rotate=90, image=noise(100, 40)), media_types.PDF).pages[0]

    image = next(block for block in blocks_of(page) if block.type == "image")
    assert image.box == pytest.approx((300, 100, 380, 300), abs=1)
    assert page.images[0].bbox == pytest.approx((300, 100, 380, 300), abs=1)


def test_units_of_a_page_do_not_move_its_boxes(convert: Convert) -> None:
    content = text(*STORY) + picture(100, 300, 200, 80)

    page = convert(pdf(content, image=noise(100, 40), page=b"/UserUnit 2"), media_types.PDF).pages[
        0
    ]

    assert [block.box for block in blocks_of(page)] == [
        pytest.approx((72, 54, 345, 95), abs=6),
        pytest.approx((100, 462, 300, 542), abs=1),
    ]


@pytest.mark.parametrize(
    ("content", "confidence"),
    [
        (text(*STORY), 1),
        (b"", None),
    ],
)
def test_a_text_layer_is_right_as_far_as_its_words_are_there(
    convert: Convert, content: bytes, confidence: float | None
) -> None:
    assert convert(pdf(content), media_types.PDF).pages[0].confidence == confidence


def test_letters_that_only_their_font_knows_are_half_right_at_most(convert: Convert) -> None:
    letters = {"q": "\ue341", "z": "\ue342"}
    content = pdf(text("the toqer lit the laqps and the tozer"), letters=letters)

    confidence = convert(content, media_types.PDF).pages[0].confidence

    assert confidence is not None
    assert 0 < confidence <= 0.5


def test_formats_without_recognition_have_no_confidence(convert: Convert) -> None:
    assert convert(b"Herons", media_types.PLAIN).pages[0].confidence is None


def ink(image: Image.Image) -> tuple[float, ...]:
    """Return the bounds of what is dark."""
    box = image.convert("L").point(lambda level: 255 * (level < 128)).getbbox()
    assert box is not None
    return box
