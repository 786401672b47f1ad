"""What presentations hold beside their slides, and what is told of that cannot be shown."""

from __future__ import annotations

import pytest

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.office.decks import NAMES, deck, numbered, png, rels, shape, sheet


def boxed(text: str, left: int = 0) -> str:
    """Return a text box that is no placeholder, 100 units wide."""
    place = f'<a:off x="{left}" y="0"/><a:ext cx="100" cy="100"/>'
    return shape(text).replace("<p:spPr>", f"<p:spPr><a:xfrm>{place}</a:xfrm>")


@pytest.mark.parametrize(
    ("on_slide", "on_layout", "expected"),
    [
        ("", "", ["One", "Draft", "Secret", "Two"]),
        ("", ' showMasterSp="0"', ["One", "Draft", "Two"]),
        (' showMasterSp="0"', "", ["One", "Two", "Draft", "Secret"]),
    ],
)
def test_texts_of_layout_and_master_stand_once_on_the_first_slide_that_shows_them(
    convert: Convert, on_slide: str, on_layout: str, expected: list[str]
) -> None:
    def hiding(part: str, setting: str) -> str:
        return part.replace("><p:cSld>", f"{setting}><p:cSld>", 1)

    layout = rels(l=("slideLayout", "../slideLayouts/l.xml"))
    drawn = boxed("Secret") + shape("Click to edit", kind="body") + boxed("A hint aside", 1000)
    content = deck(
        "",
        shape("Two"),
        parts={
            "ppt/show.xml": f'<p:presentation {NAMES}><p:sldIdLst><p:sldId r:id="slide1"/>'
            '<p:sldId r:id="slide2"/></p:sldIdLst><p:sldSz cx="900" cy="900"/></p:presentation>',
            "ppt/slides/slide1.xml": hiding(sheet("sld", shape("One")), on_slide),
            "ppt/slides/_rels/slide1.xml.rels": layout,
            "ppt/slides/_rels/slide2.xml.rels": layout,
            "ppt/slideLayouts/l.xml": hiding(sheet("sldLayout", boxed("Draft")), on_layout),
            "ppt/slideLayouts/_rels/l.xml.rels": rels(m=("slideMaster", "../m.xml")),
            "ppt/m.xml": sheet("sldMaster", drawn),
        },
    )

    assert convert(content, media_types.PPTX).markdown.replace("---", "").split() == expected


@pytest.mark.parametrize(
    ("name", "damaged", "left"),
    [
        ("ppt/slides/slide2.xml", "<p:sld", ""),
        ("ppt/slides/slide2.xml", sheet("sld", shape("Half of it"))[:-40], "Half of it"),
        (
            "ppt/_rels/show.xml.rels",
            rels(slide1=("slide", "slides/slide1.xml"), slide3=("slide", "slides/slide3.xml")),
            "",
        ),
    ],
)
def test_a_damaged_or_missing_slide_costs_no_other_slide(
    convert: Convert, name: str, damaged: str, left: str
) -> None:
    content = deck(shape("One"), shape("Two"), shape("Three"), parts={name: damaged})

    done = convert(content, media_types.PPTX)

    assert [page.markdown for page in done.pages] == ["One", left, "Three"]
    assert done.warnings == [("text_loss", 2)]


def test_an_embedded_file_that_shows_nothing_is_told_of(convert: Convert) -> None:
    def frame(content: str) -> str:
        return f"<p:graphicFrame><p:oleObj {content}</p:oleObj></p:graphicFrame>"

    bare = frame('progId="Excel.Sheet.12" r:id="x">')
    shown = frame('name="Word"><p:pic><p:blipFill><a:blip r:embed="i"/></p:blipFill></p:pic>')
    content = deck(
        shape("Text") + bare + shown,
        related={"i": ("image", "../media/i.png")},
        parts={"ppt/media/i.png": png()},
    )

    done = convert(content, media_types.PPTX)

    assert [w.message for w in done.pages[0].warnings] == [
        "1 attached file was not converted: Excel.Sheet.12."
    ]


def test_texts_beside_the_notes_and_drawn_onto_a_chart_are_kept(convert: Convert) -> None:
    chart = "<p:graphicFrame><c:chart xmlns:c='c' r:id='c'/></p:graphicFrame>"
    content = deck(
        chart,
        related={"c": ("chart", "../charts/c.xml"), "n": ("notesSlide", "../notes.xml")},
        parts={
            "ppt/charts/c.xml": f"<c:chartSpace xmlns:c='c' {NAMES}><c:userShapes r:id='d'/>"
            "</c:chartSpace>",
            "ppt/charts/_rels/c.xml.rels": rels(d=("chartUserShapes", "../drawing.xml")),
            "ppt/drawing.xml": f"<c:userShapes xmlns:c='c' {NAMES}>{shape('The record')}"
            "</c:userShapes>",
            "ppt/notes.xml": sheet("notes", shape("Smile", kind="body") + shape("Or wave")),
        },
    )

    assert convert(content, media_types.PPTX).markdown.split("\n\n") == [
        "The record",
        "> Notes:\n>\n> Smile\n>\n> Or wave",
    ]


def test_a_picture_outside_the_file_leaves_its_description_and_a_warning(convert: Convert) -> None:
    linked = (
        '<p:pic><p:nvPicPr><p:cNvPr descr="Our team"/></p:nvPicPr>'
        '<p:blipFill><a:blip r:link="far"/></p:blipFill></p:pic>'
    )
    outside = ("image", 'file:///team.png" TargetMode="External')

    done = convert(deck(linked, related={"far": outside}), media_types.PPTX)

    assert done.markdown == "Our team"
    assert done.warnings == [("image_skipped", 1)]


def test_a_shape_that_leads_to_a_page_keeps_its_address(convert: Convert) -> None:
    click = '<p:cNvPr><a:hlinkClick r:id="web"/></p:cNvPr>'
    content = deck(
        shape("Register").replace("<p:cNvPr/>", click),
        related={"web": ("hyperlink", 'https://example.org/r" TargetMode="External')},
    )

    assert convert(content, media_types.PPTX).markdown == "[Register](https://example.org/r)"


def test_line_breaks_written_as_escapes_are_line_breaks(convert: Convert) -> None:
    content = deck(shape("one_x000B_two_x000D_three_x000B_snake_x_case"))

    done = convert(content, media_types.PPTX)

    assert done.markdown.split("  \n") == ["one", "two", "three", "snake\\_x\\_case"]
    assert not done.warnings


def test_drawings_and_charts_that_cannot_be_read_are_told_of(convert: Convert) -> None:
    svg = (
        '<p:pic><p:nvPicPr><p:cNvPr descr="A plan"/></p:nvPicPr><p:blipFill><a:blip>'
        '<s:svgBlip xmlns:s="s" r:embed="svg"/></a:blip></p:blipFill></p:pic>'
    )
    chart = "<p:graphicFrame><c:chart xmlns:c='c' r:id='c'/></p:graphicFrame>"
    content = deck(
        svg + chart,
        related={"svg": ("image", "../plan.svg"), "c": ("chart", "../chart7.xml")},
        parts={"ppt/plan.svg": "<svg/>"},
    )

    done = convert(content, media_types.PPTX)

    assert done.markdown == "A plan"
    assert [w.message for w in done.pages[0].warnings] == [
        "A picture of type SVG was left out.",
        "1 attached file was not converted: chart7.xml.",
    ]


def test_a_number_beyond_all_bounds_is_none(convert: Convert) -> None:
    content = deck(shape("One"), shape(body=numbered("Two", start="9" * 4_400)), shape("Three"))

    done = convert(content, media_types.PPTX)

    assert [page.markdown for page in done.pages] == ["One", "1. Two", "Three"]
    assert done.warnings == []
