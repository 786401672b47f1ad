"""PowerPoint presentations that grow."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from ilios.engines.detection import media_types
from tests.support import old_office, sample_files
from tests.support.sample_files import archive
from tests.unit.engines.embedded.linear.growth import Case, lines, numbers
from tests.unit.engines.embedded.office import decks


def slide_signs(n: int) -> bytes:
    return decks.deck("".join(decks.shape(escape(line)) for line in lines(n)))


def slide_shapes(n: int) -> bytes:
    """Return shapes without a place, groups, and placeholders of a footer with formulas."""
    marks = '<p:ph type="dt"/>' * n
    footer = (
        f"<p:sp><p:nvSpPr><p:cNvPr/><p:nvPr>{marks}</p:nvPr></p:nvSpPr><p:txBody>"
        + decks.paragraph("a") * n
        + "</p:txBody></p:sp>"
    )
    formula = '<m:oMath xmlns:m="urn:math}"><m:r><m:t>a</m:t></m:r></m:oMath>'
    words = numbers(n, f"<a:p><a:r><a:t>w@</a:t></a:r>{formula}</a:p>")
    groups = f"<p:grpSp>{decks.shape('a')}</p:grpSp>" * n
    return decks.deck(decks.shape("a", at=(1, 2)) * n + groups + footer + decks.shape(body=words))


def slide_list_styles(n: int) -> bytes:
    """Return a list style with many entries, of many paragraphs and bodies."""
    entries = "<a:lvl8pPr/>" * n
    own = f"<a:lstStyle>{entries}<a:lvl1pPr><a:buNone/></a:lvl1pPr></a:lstStyle>"
    text = decks.numbered("a") + decks.paragraph("b") * 2
    return decks.deck(decks.shape(body=own + text * n))


def slide_charts(n: int) -> bytes:
    """Return many frames around one chart, and many pictures of one part."""
    frame = (
        '<p:graphicFrame><a:graphic><a:graphicData><c:chart xmlns:c="urn:c" r:id="c1"/>'
        "</a:graphicData></a:graphic></p:graphicFrame>"
    )
    picture = (
        '<p:pic><p:nvPicPr><p:cNvPr descr="a b"/></p:nvPicPr><p:blipFill><a:blip r:embed="i1"/>'
        "</p:blipFill></p:pic>"
    )
    points = numbers(n, '<c:pt idx="@"><c:v>@</c:v></c:pt>')
    chart = (
        f'<c:chartSpace xmlns:c="urn:c"><c:chart><c:ser><c:val>{points}</c:val></c:ser></c:chart>'
        "</c:chartSpace>"
    )
    return decks.deck(
        frame * n + picture * n,
        related={"c1": ("chart", "../charts/c.xml"), "i1": ("image", "../media/i.png")},
        parts={
            "ppt/charts/c.xml": chart,
            "ppt/media/i.png": sample_files.encoded(sample_files.noise(40, 40), "PNG") + b"\0" * n,
        },
    )


def slide_comments(n: int) -> bytes:
    """Return many comments of an author with a long name."""
    comments = f"<p:cmLst {decks.NAMES}>" + '<p:cm authorId="0"><p:text>a</p:text></p:cm>' * n
    author = f'<p:cmAuthor id="0" name="{"N" * 20 * n}"/>'
    return decks.deck(
        decks.shape("a"),
        related={"k": ("comments", "../comments/c.xml")},
        parts={
            "ppt/comments/c.xml": comments + "</p:cmLst>",
            "ppt/authors.xml": f"<p:l {decks.NAMES}>{author}</p:l>",
        },
        presentation={"au": ("commentAuthors", "authors.xml")},
    )


def slides_of_one_part(n: int) -> bytes:
    """Return a presentation that lists one slide again and again."""
    ids = "".join(f'<p:sldId id="{256 + i}" r:id="s"/>' for i in range(n))
    return archive(
        {
            "_rels/.rels": decks.rels(main=("officeDocument", "ppt/show.xml")),
            "ppt/show.xml": f"<p:presentation {decks.NAMES}><p:sldIdLst>{ids}</p:sldIdLst>"
            "</p:presentation>",
            "ppt/_rels/show.xml.rels": decks.rels(s=("slide", "slides/s.xml")),
            "ppt/slides/s.xml": decks.sheet("sld", "<p:sp/>" * n),
        }
    )


def old_slides(n: int) -> bytes:
    return old_office.slides([f"{number} [a](b)" for number in range(n)])


CASES: Final = (
    Case("old-slides", media_types.PPT, old_slides, 100),
    Case("slide-signs", media_types.PPTX, slide_signs, 2_000),
    Case("slide-shapes", media_types.PPTX, slide_shapes, 200),
    Case("slide-list-styles", media_types.PPTX, slide_list_styles, 400),
    Case("slide-charts", media_types.PPTX, slide_charts, 100),
    Case("slide-comments", media_types.PPTX, slide_comments, 400),
    Case("slides-of-one-part", media_types.PPTX, slides_of_one_part, 200),
)
