"""OpenDocument presentations: slides as pages, with notes and comments below."""

from __future__ import annotations

import pytest

from ilios.core.conversion_errors import CorruptDocument, EmptyDocument
from ilios.engines.detection import media_types
from ilios.engines.embedded.office.odp import document
from tests.support.sample_files import archive, encoded, noise
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.office.odt.test_document import CREATOR, LINKS, NAMES, OBJECT, row

SHOWN = 'xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0"'


def slide(*shapes: str) -> str:
    return f'<draw:page draw:name="page1">{"".join(shapes)}</draw:page>'


def box(content: str, kind: str = "", more: str = "") -> str:
    named = f' presentation:class="{kind}"' if kind else ""
    return f"<draw:frame{named}{more}><draw:text-box>{content}</draw:text-box></draw:frame>"


def text(said: str) -> str:
    return f"<text:p>{said}</text:p>"


def content(*slides: str) -> str:
    return (
        f"<office:document-content {NAMES} {LINKS} {CREATOR} {SHOWN}><office:body>"
        f"<office:presentation>{''.join(slides)}</office:presentation></office:body>"
        "</office:document-content>"
    )


def presentation(*slides: str, **parts: str | bytes) -> bytes:
    return archive({"content.xml": content(*slides), **parts})


def test_a_slide_is_a_page_that_begins_with_its_title(convert: Convert) -> None:
    items = "".join(f"<text:list-item>{text(item)}</text:list-item>" for item in ("one", "two"))
    file = presentation(
        slide(box(f"<text:list>{items}</text:list>", "outline"), box(text("On bees"), "title")),
        slide(box(text("Thanks") + text("Bye"))),
    )

    converted = convert(file, media_types.ODP)

    assert [page.markdown for page in converted.pages] == [
        "# On bees\n\n- one\n- two",
        "Thanks\n\nBye",
    ]
    assert converted.warnings == []


def test_shapes_groups_tables_and_pictures_stand_in_their_order(convert: Convert) -> None:
    shape = f"<draw:custom-shape>{text('In a shape')}</draw:custom-shape>"
    table = f"<draw:frame><table:table>{row('a', 'b')}{row('1', '2')}</table:table></draw:frame>"
    picture = '<draw:frame><draw:image xlink:href="Pictures/a.png"/></draw:frame>'
    file = presentation(
        slide(f"<draw:g><draw:g>{shape}</draw:g></draw:g>", table, picture, box(text("End"))),
        **{"Pictures/a.png": encoded(noise(40, 40), "PNG")},
    )

    converted = convert(file, media_types.ODP)

    assert converted.markdown == (
        "In a shape\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n![](image-a.png)\n\nEnd"
    )
    assert converted.image_names == ["image-a.png"]


def test_notes_and_comments_stand_below_a_slide(convert: Convert) -> None:
    number = box(text("<text:page-number>1</text:page-number>"))
    notes = f"<presentation:notes>{box(text('Say hello'), 'notes')}{number}</presentation:notes>"
    comment = (
        "<office:annotation><dc:creator>Ann</dc:creator><dc:date>2024-01-01</dc:date>"
        f"{text('Too long')}</office:annotation>"
    )
    file = presentation(slide(box(text("Head"), "title"), notes, comment))

    converted = convert(file, media_types.ODP)

    assert converted.markdown == (
        "# Head\n\n> Notes:\n>\n> Say hello\n\n> Comments:\n>\n> Ann: Too long"
    )
    assert converted.warnings == []


def test_a_chart_gives_its_numbers(convert: Convert) -> None:
    chart = (
        f"<office:document-content {NAMES}><office:body><office:chart><chart:chart>"
        f"<chart:title>{text('Sales')}</chart:title><table:table>{row('a', 'b')}{row('1', '2')}"
        "</table:table></chart:chart></office:chart></office:body></office:document-content>"
    )
    file = presentation(slide(OBJECT), **{"Thing/content.xml": chart})

    assert convert(file, media_types.ODP).markdown == "Sales\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_what_stands_on_each_slide_and_empty_boxes_are_left_out(convert: Convert) -> None:
    file = presentation(
        slide(
            box(text("3"), "page-number"),
            box("", "title", ' presentation:placeholder="true"'),
            box(text("Body")),
        )
    )

    assert convert(file, media_types.ODP).markdown == "Body"


def test_a_blank_slide_says_so(convert: Convert) -> None:
    converted = convert(presentation(slide(), slide(box(text("x")))), media_types.ODP)

    assert converted.warnings == [("empty_page", 1)]


def test_a_flat_presentation_is_read(convert: Convert) -> None:
    flat = content(slide(box(text("x")))).replace("document-content", "document")

    assert convert(flat.encode(), media_types.FODP).markdown == "x"


def test_a_damaged_or_empty_file_is_told_from_others(convert: Convert) -> None:
    with pytest.raises(CorruptDocument, match=document.KIND):
        convert(archive({"content.xml": "<a/>"}), media_types.ODP)
    with pytest.raises(EmptyDocument, match=document.KIND):
        convert(presentation(), media_types.ODP)
