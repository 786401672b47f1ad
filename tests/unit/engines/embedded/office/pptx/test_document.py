"""PowerPoint presentations: titles, lists, tables, pictures, notes, what belongs to the slide."""

from __future__ import annotations

import pytest

from ilios.engines.detection import media_types
from tests.support.sample_files import archive
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.office.decks import (
    NAMES,
    STRICT,
    TRANSITIONAL,
    deck,
    group,
    numbered,
    paragraph,
    png,
    rels,
    shape,
    sheet,
)


def test_slides_keep_title_bullets_table_and_notes(convert: Convert) -> None:
    cells = "".join(
        f"<a:tc><a:txBody><a:p><a:r><a:t>{t}</a:t></a:r></a:p></a:txBody></a:tc>" for t in "ab"
    )
    table = (
        f"<p:graphicFrame><a:tbl><a:tr>{cells}</a:tr><a:tr>{cells}</a:tr></a:tbl></p:graphicFrame>"
    )
    content = deck(
        shape("A point", kind="body") + shape("The title", kind="title") + table,
        related={"n": ("notesSlide", "../notesSlides/notesSlide1.xml")},
        parts={"ppt/notesSlides/notesSlide1.xml": sheet("notes", shape("Smile", kind="body"))},
    )

    assert convert(content, media_types.PPTX).markdown.split("\n\n") == [
        "# The title",
        "- A point",
        "| a | b |\n| --- | --- |\n| a | b |",
        "> Notes:\n>\n> Smile",
    ]


def test_the_strict_form_of_the_format_is_read_alike(convert: Convert) -> None:
    parts = {
        "_rels/.rels": rels(main=("officeDocument", "ppt/show.xml")),
        "ppt/show.xml": f'<p:presentation {NAMES}><p:sldIdLst><p:sldId id="9" r:id="one"/>'
        "</p:sldIdLst></p:presentation>",
        "ppt/_rels/show.xml.rels": rels(one=("slide", "slides/a.xml")),
        "ppt/slides/a.xml": sheet(
            "sld",
            shape(
                body="<a:p><a:r><a:t>10</a:t></a:r>"
                '<a:r><a:rPr baseline="30%"/><a:t>9</a:t></a:r></a:p>'
            ),
        ),
    }
    strict = {
        name: text.replace(TRANSITIONAL, STRICT).replace("/2006/", "/")
        for name, text in parts.items()
    }

    assert convert(archive(strict), media_types.PPTX).markdown == "10⁹"


@pytest.mark.parametrize(
    ("items", "lines"),
    [
        ([numbered("a", start=4), numbered("b", start=4)], ["4. a", "5. b"]),
        ([numbered("a", "alphaLcParenBoth"), numbered("b", "alphaLcParenBoth")],
         ["- (a) a", "- (b) b"]),
        ([numbered("a", "romanUcPeriod", 9)], ["- IX. a"]),
        ([numbered("a", "circleNumDbPlain", 2)], ["- ② a"]),
        ([numbered("a", "ea1ChsPeriod", 12)], ["- 十二. a"]),
        ([numbered("a", "arabicParenR")], ["1. a"]),
        ([numbered("a"), numbered("b", level=1), numbered("c", level=1), numbered("d")],
         ["1. a", "    1. b", "    2. c", "2. d"]),
        ([numbered("a"), paragraph("between", "<a:buNone/>"), numbered("b")],
         ["1. a", "between", "1. b"]),
        ([numbered("a"), paragraph("deeper", '<a:buChar char="-"/>', 1), numbered("b")],
         ["1. a", "    - deeper", "2. b"]),
        ([paragraph("deep first", '<a:buChar char="-"/>', 2)], ["- deep first"]),
    ],
)  # fmt: skip
def test_items_keep_the_labels_that_the_slide_shows(
    convert: Convert, items: list[str], lines: list[str]
) -> None:
    markdown = convert(deck(shape(body="".join(items))), media_types.PPTX).markdown

    assert [line for line in markdown.split("\n") if line] == lines


def test_bullets_and_numbers_come_from_layout_and_master(convert: Convert) -> None:
    def styles(first: str) -> str:
        return f"<a:lstStyle><a:lvl1pPr>{first}</a:lvl1pPr></a:lstStyle>"

    master = sheet("sldMaster", shape(kind="body")).replace(
        "</p:cSld>",
        "</p:cSld><p:txStyles><p:bodyStyle><a:lvl1pPr><a:buChar char='•'/></a:lvl1pPr>"
        "</p:bodyStyle></p:txStyles>",
    )
    layout = sheet(
        "sldLayout",
        shape(kind="subTitle", body=styles("<a:buNone/>"))
        + shape(kind="obj", body=styles('<a:buAutoNum type="arabicPeriod" startAt="3"/>')),
    )
    content = deck(
        shape("Under the title", kind="subTitle")
        + shape("third", kind="obj")
        + shape("point", kind="body"),
        related={"l": ("slideLayout", "../slideLayouts/l.xml")},
        parts={
            "ppt/slideLayouts/l.xml": layout,
            "ppt/slideLayouts/_rels/l.xml.rels": rels(m=("slideMaster", "../slideMasters/m.xml")),
            "ppt/slideMasters/m.xml": master,
        },
    )

    assert convert(content, media_types.PPTX).markdown == "Under the title\n\n3. third\n- point"


@pytest.mark.parametrize(
    ("properties", "text", "shown"),
    [
        ('<a:rPr baseline="30000"/>', "2", "x²"),
        ('<a:rPr baseline="-25000"/>', "2", "x₂"),
        ('<a:rPr baseline="0"/>', "2", "x2"),
        ('<a:rPr><a:latin typeface="Symbol"/></a:rPr>', "b", "xβ"),
        ('<a:rPr><a:sym typeface="Wingdings"/></a:rPr>', "\uf0fc yes", "x✓ yes"),
    ],
)
def test_runs_keep_their_style(convert: Convert, properties: str, text: str, shown: str) -> None:
    body = f"<a:p><a:r><a:t>x</a:t></a:r><a:r>{properties}<a:t>{text}</a:t></a:r></a:p>"

    assert convert(deck(shape(body=body)), media_types.PPTX).markdown == shown


def test_groups_stand_where_they_are_on_the_slide_and_stay_together(convert: Convert) -> None:
    def card(name: str, left: int, top: int) -> str:
        children = shape(f"{name} below", at=(0, 9000)) + shape(f"{name} above", at=(0, 0))
        inner = '<a:chOff x="0" y="0"/><a:chExt cx="1000" cy="10000"/>'
        return group(children, at=(left, top), size=(1000, 1_000_000), inner=inner)

    content = deck(
        card("right", 5_000_000, 2_000_000)
        + card("left", 1_000_000, 2_000_000)
        + shape("last", at=(0, 6_000_000))
        + shape("first", at=(3_000_000, 100_000))
    )

    assert convert(content, media_types.PPTX).markdown.split("\n\n") == [
        *("first", "left above", "left below", "right above", "right below", "last"),
    ]


def test_newer_content_is_taken_if_it_is_understood_and_the_older_one_else(
    convert: Convert,
) -> None:
    def alternatives(newer: str) -> str:
        return (
            f"<mc:AlternateContent><mc:Choice>{newer}</mc:Choice>"
            f"<mc:Fallback>{shape('older')}</mc:Fallback></mc:AlternateContent>"
        )

    known = convert(deck(alternatives(shape("newer"))), media_types.PPTX)
    unknown = convert(deck(alternatives("<p:graphicFrame/>")), media_types.PPTX)

    assert (known.markdown, unknown.markdown) == ("newer", "older")
    assert known.warnings == unknown.warnings == []


def test_a_footer_stands_once_and_numbers_and_dates_that_count_do_not(convert: Convert) -> None:
    field = "<a:p><a:fld type='slidenum'><a:t>7</a:t></a:fld></a:p>"
    ends = (
        shape("Contract 88-B", kind="ftr")
        + shape(body=field, kind="dt")
        + shape(body=field, kind="sldNum")
    )

    markdown = convert(deck(shape("One") + ends, shape("Two") + ends), media_types.PPTX).markdown

    assert markdown == "One\n\nContract 88-B\n\n---\n\nTwo"


@pytest.mark.parametrize("form", ["old", "new"])
def test_comments_stand_below_the_slide_with_their_authors(convert: Convert, form: str) -> None:
    if form == "old":
        author = '<c:list xmlns:c="urn:c"><c:cmAuthor id="4" name="Bo"/></c:list>'
        text = (
            '<c:list xmlns:c="urn:c"><c:cm authorId="4"><c:text>Too long</c:text></c:cm></c:list>'
        )
        kinds = ("commentAuthors", "comments")
    else:
        body = "<c:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></c:txBody>"
        author = '<c:list xmlns:c="urn:c"><c:author id="{4}" name="Bo"/></c:list>'
        text = (
            f'<c:list xmlns:c="urn:c" {NAMES}><c:cm authorId="{{4}}"><c:replyLst><c:reply '
            f'authorId="x">{body.format("No")}</c:reply></c:replyLst>{body.format("Too long")}'
            "</c:cm></c:list>"
        )
        kinds = ("http://microsoft/x/authors", "http://microsoft/x/comments")
    content = deck(
        shape("Slide"),
        related={"c": (kinds[1], "../comments/one.xml")},
        presentation={"a": (kinds[0], "authors.xml")},
        parts={"ppt/comments/one.xml": text, "ppt/authors.xml": author},
    )

    expected = ["> Comments:", ">", "> Bo: Too long", *([">", "> No"] if form == "new" else [])]
    assert convert(content, media_types.PPTX).markdown.split("\n")[2:] == expected


def test_pictures_of_frames_and_shapes_are_kept_and_others_told_of(convert: Convert) -> None:
    def picture(relation: str, description: str = "") -> str:
        return (
            f'<p:pic><p:nvPicPr><p:cNvPr descr="{description}"/></p:nvPicPr>'
            f'<p:blipFill><a:blip r:embed="{relation}"/></p:blipFill></p:pic>'
        )

    frame = (
        '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr descr="Price table"/></p:nvGraphicFramePr>'
        f"<a:graphic><p:oleObj>{picture('img')}</p:oleObj></a:graphic></p:graphicFrame>"
    )
    filled = shape("On a photo").replace(
        "<p:spPr>", '<p:spPr><a:blipFill><a:blip r:embed="img"/><a:stretch/></a:blipFill>'
    )
    content = deck(
        frame + filled + picture("emf", "Plan of the yard") + picture("img", "C:\\My files\\x.png"),
        related={"img": ("image", "../media/i.png"), "emf": ("image", "../media/i.emf")},
        parts={"ppt/media/i.png": png(), "ppt/media/i.emf": b"\x01\x00\x00\x00 no picture"},
    )

    converted = convert(content, media_types.PPTX)

    assert converted.markdown.split("\n\n") == [
        "![Price table](slide-1-image-1.png)",
        "![](slide-1-image-1.png)",
        "On a photo",
        "Plan of the yard",
        "![](slide-1-image-1.png)",
    ]
    assert converted.warnings == [("image_skipped", 1)]


def test_cells_keep_the_labels_of_their_lists(convert: Convert) -> None:
    cell = f"<a:tc><a:txBody>{numbered('pack')}{numbered('send')}</a:txBody></a:tc>"
    other = f"<a:tc><a:txBody>{paragraph('x')}</a:txBody></a:tc>"
    table = f"<p:graphicFrame><a:tbl><a:tr>{cell}{other}</a:tr></a:tbl></p:graphicFrame>"

    assert convert(deck(table), media_types.PPTX).markdown.startswith("| 1. pack 2. send | x |")


def test_a_formula_on_a_slide_comes_once(convert: Convert) -> None:
    maths = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    half = (
        f'<a14:m xmlns:a14="a14" xmlns:m="{maths}"><m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r>'
        "</m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath></a14:m>"
    )
    fallback = "<mc:Fallback><a:r><a:t>1/2</a:t></a:r></mc:Fallback>"
    alternative = (
        f"<mc:AlternateContent><mc:Choice>{half}</mc:Choice>{fallback}</mc:AlternateContent>"
    )
    text = f"<a:p><a:r><a:t>Take </a:t></a:r>{half}</a:p><a:p>{alternative}</a:p>"
    shape = f"<p:sp><p:nvSpPr><p:nvPr/></p:nvSpPr><p:txBody>{text}</p:txBody></p:sp>"
    assert convert(deck(shape), media_types.PPTX).markdown.split("\n\n") == [
        r"Take $\frac{1}{2}$",
        r"$\frac{1}{2}$",
    ]
