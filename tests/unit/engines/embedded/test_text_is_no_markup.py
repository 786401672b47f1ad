"""That what a document says is shown as it says it: no tag, no link, no picture comes of text."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ilios.engines.detection import media_types
from ilios.engines.embedded.ocr import layout
from ilios.engines.embedded.ocr import markdown as ocr
from ilios.engines.embedded.ocr.recognized_text import RecognizedText, TextLine
from tests.support import sample_files
from tests.support.sample_files import docx, word_paragraph
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.office import decks
from tests.unit.engines.embedded.office.odp import test_document as open_slides
from tests.unit.engines.embedded.office.ods import test_document as sheets
from tests.unit.engines.embedded.office.odt.test_document import document_of
from tests.unit.engines.embedded.office.xlsx import workbooks
from tests.unit.engines.embedded.web.epub.test_document import page as book_page

RENDERER: Final = MarkdownIt("commonmark", {"html": True}).enable("table")
RENDERER.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
OWN_TAGS: Final = ("<br>", "<sup>", "</sup>", "<sub>", "</sub>")
MARKUP: Final = ("html_block", "html_inline", "link_open", "image")
PIECES: Final = (
    "[", "]", "(", ")", "<", ">", "a", "b", "javascript:x", "`", "*", "_", "!", "#", "-", "+", "=",
    "|", "\\", "&", ";", "&lt;", "&#91;", "&CounterClockwiseContourIntegral;", ":", "~", "$", "1.",
    "2)", " ", "\n", "http://a.b", "@", '"', "'", "/", "?", "<b>", "</b>", "](", "[a]:", "[a]",
    "<!--", "-->", "x@y.z", "~~~", "```", "---", "===", "[^1]", "[^1]:", "<http://a.b>", "![",
    "data:text/html,x", "<?", "\\[", "a>", "\u00a0", "·",
)  # fmt: skip
SAID: Final = st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join)
KNOWN: Final = (
    "<script>alert(1)</script>",
    "[[a]](javascript:b)",
    "[a\nb]: javascript:c\n\n[a b]",
    "[x]: javascript:alert(1)",
    "![a](javascript:b)",
    "<javascript:alert(1)>",
    "[a](<javascript:b>)",
    "&lt;b&gt; &#x5b;a](javascript:b)",
    "```\n<b>\n```",
    "~~~\n[a](b)",
    "[^1]: javascript:x",
    "a | b\n--- | ---\n[x](javascript:y) | c",
    "# a\n> b\n- c\n1. d\n===",
    "`<!-->` `[a](javascript:b)`",
)


def tokens(markdown: str) -> list[Token]:
    found: list[Token] = []
    for token in RENDERER.parse(markdown):
        found += [token, *(token.children or ())]
    return found


def markup(markdown: str) -> list[str]:
    """Return what a renderer takes for a tag, a link or a picture."""
    return [
        f"{token.type} {token.content or token.attrs}"
        for token in tokens(markdown)
        if token.type in MARKUP and token.content.lower() not in OWN_TAGS
    ]


def shown(markdown: str) -> str:
    """Return the text that a renderer shows, without white space."""
    kinds = ("text", "code_inline", "fence", "code_block", "text_special")
    texts = [token.content for token in tokens(markdown) if token.type in kinds]
    return "".join("".join(texts).split())


def _xml(text: str) -> str:
    return html.escape(text)


def _rtf(text: str) -> bytes:
    signs = {"\\": "\\\\", "{": "\\{", "}": "\\}", "\n": "\\line "}
    written = "".join(signs.get(c, c if c.isascii() else f"\\u{ord(c)}?") for c in text)
    return f"{{\\rtf1 a {written}\\par {written}{{\\footnote {written}}}\\par}}".encode()


def _docx(text: str) -> bytes:
    said = _xml(text)
    comments = (
        '<w:comments xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f'<w:comment w:id="1" w:author="{said}"><w:p><w:r><w:t>{said}</w:t></w:r></w:p></w:comment>'
        "</w:comments>"
    )
    parts = "".join(
        f"<w:r><w:rPr><w:b/></w:rPr><w:t>{_xml(c)}</w:t></w:r><w:r><w:t></w:t></w:r>" for c in text
    )
    return docx(
        word_paragraph(said)
        + f'<w:p><w:pPr><w:outlineLvl w:val="1"/></w:pPr><w:r><w:t>{said}</w:t></w:r></w:p>'
        + f"<w:p>{parts}<w:r><w:commentReference w:id='1'/></w:r></w:p>"
        + f"<w:tbl><w:tr><w:tc>{word_paragraph(said)}</w:tc><w:tc>{word_paragraph('b')}</w:tc>"
        "</w:tr></w:tbl>",
        word__comments_dot_xml=comments,
    )


def _pptx(text: str) -> bytes:
    said = _xml(text)
    table = (
        "<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>"
        f"{said}</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic>"
        "</p:graphicFrame>"
    )
    body = decks.paragraph(said, "<a:buChar/>") + decks.numbered(said)
    return decks.deck(
        decks.shape(said, kind="title") + decks.shape(said) + decks.shape(body=body) + table,
        related={"k": ("comments", "../c.xml")},
        parts={
            "ppt/c.xml": f'<p:l {decks.NAMES}><p:cm authorId="0"><p:text>{said}</p:text></p:cm>'
            "</p:l>",
            "ppt/a.xml": f'<p:l {decks.NAMES}><p:cmAuthor id="0" name="{said}"/></p:l>',
        },
        presentation={"au": ("commentAuthors", "a.xml")},
    )


def _xlsx(text: str) -> bytes:
    cells = workbooks.text("A1", text) + workbooks.text("B1", text)
    rows = ["", workbooks.text("A3", text), "", cells, cells]
    comments = f'<c><comment ref="{_xml(text)}"><text><t>{_xml(text)}</t></text></comment></c>'
    return workbooks.workbook(
        [cells, *rows],
        links=[("comments", "c.xml")],
        parts={"xl/c.xml": comments},
    )


def _odt(text: str) -> bytes:
    said = f"<text:p>{_xml(text)}</text:p>"
    note = f"<text:note><text:note-body>{said}</text:note-body></text:note>"
    return document_of(
        f'{said}<text:h text:outline-level="2">{_xml(text)}{note}</text:h>'
        f"<text:list><text:list-item>{said}</text:list-item></text:list>"
        f"<table:table><table:table-row><table:table-cell>{said}</table:table-cell>"
        f"<table:table-cell>{said}</table:table-cell></table:table-row></table:table>"
    )


def _ods(text: str) -> bytes:
    note = f"<office:annotation><text:p>{_xml(text)}</text:p></office:annotation>"
    said = sheets.cell(_xml(text), more=note)
    table = sheets.row(said, sheets.cell("b")) + sheets.row(sheets.cell("a"), said)
    alone = sheets.row(sheets.cell()) + sheets.row(said)
    return sheets.spreadsheet(sheets.sheet(table + alone, html.escape(text)))


def _odp(text: str) -> bytes:
    said = f"<text:p>{_xml(text)}</text:p>"
    notes = f"<presentation:notes>{open_slides.box(said, 'notes')}</presentation:notes>"
    comment = f"<office:annotation><dc:creator>{_xml(text)}</dc:creator>{said}</office:annotation>"
    return open_slides.presentation(
        open_slides.slide(open_slides.box(said, "title"), open_slides.box(said), notes, comment)
    )


def _mail(text: str) -> bytes:
    inner = f"Subject: {text}\nMIME-Version: 1.0\nContent-Type: text/html\n\n<p>{_xml(text)}"
    return (
        f"From: {text}\nSubject: {text}\nContent-Type: multipart/mixed; boundary=b-b\n\n"
        f"--b-b\n\n{text}\n--b-b\nContent-Type: message/rfc822\n\n{inner}\n--b-b--\n"
    ).encode()


def _page(text: str) -> str:
    said = _xml(text)
    return (
        f"<p>{said}</p><h2>{said}</h2><ul><li>{said}<li><p>{said}</p></ul><blockquote>{said}</blockquote>"
        f"<table><tr><td>{said}<td>b<tr><td>a<td><pre>{said}</pre></table><dl><dt>{said}</dl>"
        f"<p><b>{said}</b><i>{said}</i><code>{said}</code>{said}</p><pre>{said}</pre>"
        f'<p>{said}<a href="#x">{said}</a><img src="x" alt="{said}">{said}</p>'
    )


def _csv(text: str) -> bytes:
    cell = '"' + text.replace('"', '""') + '"'
    return f"{cell},b\na,{cell}\nc,d\n".encode()


def _pdf(text: str) -> bytes:
    lines = [
        line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        for line in text.split("\n")
    ]
    return sample_files.pdf(
        sample_files.text(*(line.encode("cp1252", "replace").decode("cp1252") for line in lines))
        + sample_files.text("A line of words to be read", top=300)
    )


def _on_one_line(text: str) -> str:
    """Return a text without ends of lines, and in the signs of every font."""
    return text.replace("\n", " ").replace("·", "-")


READERS: Final[dict[str, tuple[str, Callable[[str], bytes]]]] = {
    "text": (media_types.PLAIN, lambda text: f"{text}\n\n{text}".encode()),
    "table": (media_types.CSV, _csv),
    "cell": (media_types.CSV, lambda text: ('"' + text.replace('"', '""') + '"').encode()),
    "Word": (media_types.DOCX, _docx),
    "slides": (media_types.PPTX, _pptx),
    "workbook": (media_types.XLSX, _xlsx),
    "OpenDocument": (media_types.ODT, _odt),
    "sheets": (media_types.ODS, _ods),
    "open slides": (media_types.ODP, _odp),
    "mail": (media_types.EML, _mail),
    "page": (media_types.HTML, lambda text: f"<html><body>{_page(text)}".encode()),
    "book": (
        media_types.EPUB,
        lambda text: book_page(_page(text).replace("<li>", "").replace("<br>", "")),
    ),
    "RTF": (media_types.RTF, _rtf),
    "PDF": (media_types.PDF, _pdf),
}
PLAIN: Final = "aqqz"  #: a text that no reader escapes
ONE_LINE: Final = ("table", "cell", "workbook", "sheets", "mail", "PDF")
"""Where the lines of a text are lines of their own, with marks between them, or columns."""


@pytest.mark.parametrize("reader", READERS)
@given(text=SAID)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_text_becomes_no_tag_no_link_and_no_picture(
    convert: Convert, reader: str, text: str
) -> None:
    media_type, written = READERS[reader]

    markdown = convert(written(text + " end"), media_type).markdown

    assert markup(markdown) == []


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", KNOWN)
def test_known_tricks_stay_text(convert: Convert, reader: str, text: str) -> None:
    media_type, written = READERS[reader]

    assert markup(convert(written(text), media_type).markdown) == []


@pytest.mark.parametrize("reader", READERS)
@given(text=SAID)
@example(text="$\\[$ $*a*$ $5 and $6*7*8")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_text_is_shown_as_it_is_at_each_of_its_places(
    convert: Convert, reader: str, text: str
) -> None:
    media_type, written = READERS[reader]
    said = f"a{_on_one_line(text) if reader in ONE_LINE else text}z"
    places = shown(convert(written(f"{PLAIN} end"), media_type).markdown).count(PLAIN)

    markdown = convert(written(f"{said} end"), media_type).markdown

    assert places
    assert shown(markdown).count("".join(said.split())) >= places


@given(text=SAID)
@settings(max_examples=200, deadline=None)
def test_recognised_text_is_no_markup(text: str) -> None:
    lines = [*text.split("\n"), "end"]
    read = RecognizedText(
        tuple(
            TextLine(line, 0.9, 10, 20 * n, 10 + 8 * len(line), 20 * n + 12, (0, 0, 1, 1))
            for n, line in enumerate(lines)
            if line
        )
    )

    assert markup(ocr.to_markdown(read, layout.columns(read.lines))) == []
