from __future__ import annotations

import base64

import pytest

from ilios.core.conversion_errors import (
    CorruptDocument,
    DocumentTooLarge,
    EmptyDocument,
    UnsupportedDocument,
)
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from tests.support.sample_files import archive, encoded, noise
from tests.unit.engines.embedded.conftest import Convert

PAGE = """<!doctype html><html><head><title>Site | Page</title><style>p {}</style></head><body>
<header class="site-header"><a href="/">Home</a> <a href="/blog">Blog</a></header>
<nav><ul><li><a href="/a">Menu entry</a></li></ul></nav>
<main><h1>Ducks</h1>
<p>A <b>duck</b> swims, see <a href="https://example.org/duck">the guide</a>. It likes water, as
most of its relatives do, and it is found on every continent but one.</p>
<ol start="3"><li>bread</li><li>corn<ul><li>yellow</li></ul></li></ol>
<table><tr><th>Kind</th><th colspan="2">Size</th></tr>
<tr><td rowspan="2">Eider</td><td>50</td><td>cm</td></tr><tr><td>2</td><td>kg</td></tr></table>
<pre>x = 1
y = 2</pre></main>
<footer>© Site</footer><script>alert(1)</script></body></html>"""


def test_a_web_page_loses_its_menus_and_keeps_its_text(convert: Convert) -> None:
    markdown = convert(PAGE.encode(), media_types.HTML).markdown

    assert markdown.split("\n\n") == [
        "# Ducks",
        "A **duck** swims, see [the guide](https://example.org/duck). It likes water, as most of "
        "its relatives do, and it is found on every continent but one.",
        "3. bread\n4. corn\n    - yellow",
        "| Kind | Size |  |\n| --- | --- | --- |\n| Eider | 50 | cm |\n|  | 2 | kg |",
        "```\nx = 1\ny = 2\n```",
    ]


def test_a_page_without_a_heading_gets_its_title(convert: Convert) -> None:
    page = b"<title>My page</title><p>Some text</p>"

    assert convert(page, media_types.HTML).markdown == "# My page\n\nSome text"


def test_a_numbered_heading_needs_no_escape_but_a_numbered_paragraph_does(
    convert: Convert,
) -> None:
    page = b"<html><body><h2>4. Results</h2><p>5. is a number, no list.</p></body></html>"

    markdown = convert(page, media_types.HTML).markdown

    assert markdown == "## 4. Results\n\n5\\. is a number, no list."


@pytest.mark.parametrize("target", ["javascript:alert(1)", "#top", "/relative", "data:text/html,x"])
def test_only_links_that_lead_somewhere_are_kept(convert: Convert, target: str) -> None:
    page = f'<h1>T</h1><p>Go <a href="{target}">there</a> now</p>'

    assert convert(page.encode(), media_types.HTML).markdown == "# T\n\nGo there now"


def test_cells_of_a_table_in_a_cell_stay_apart(convert: Convert) -> None:
    inner = "<table><tr><td>a</td><td>b</td></tr></table>"
    rows = f"<tr><th>x</th><th>y</th></tr><tr><td>{inner}</td><td>c</td></tr><tr><td>d</td></tr>"

    markdown = convert(f"<h1>T</h1><table>{rows}</table>".encode(), media_types.HTML).markdown

    assert "| a b | c |" in markdown


def test_a_formula_is_written_once(convert: Convert) -> None:
    formula = (
        "<math><semantics><msup><mi>x</mi><mn>2</mn></msup>"
        '<annotation encoding="application/x-tex">x^{2}</annotation></semantics></math>'
    )

    assert (
        convert(f"<h1>T</h1><p>{formula}</p>".encode(), media_types.HTML).markdown == "# T\n\nx^(2)"
    )


@pytest.mark.parametrize("tag", ["font", "ul><li", "div", "blockquote"])
def test_text_below_tags_that_are_never_closed_is_kept(convert: Convert, tag: str) -> None:
    markdown = convert(f"<h1>T</h1>{f'<{tag}>' * 800}The end".encode(), media_types.HTML).markdown

    assert "The end" in markdown


def test_an_inline_image_becomes_a_file(convert: Convert) -> None:
    source = base64.b64encode(encoded(noise(60, 50), "PNG")).decode()
    page = f'<h1>T</h1><p><img alt="A cloud" src="data:image/png;base64,{source}"></p>'

    converted = convert(page.encode(), media_types.HTML)

    assert converted.image_names == ["image-1.png"]
    assert "![A cloud](image-1.png)" in converted.markdown


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_decoded_whatever_its_encoding(convert: Convert, encoding: str) -> None:
    content = "Müller aß im Café\n".encode(encoding)

    assert convert(content, media_types.PLAIN).markdown == "Müller aß im Café"


def test_cyrillic_of_old_windows_is_not_taken_for_that_of_a_macintosh(convert: Convert) -> None:
    text = "Это русский текст в старой кодировке. Он состоит из нескольких предложений."

    assert convert(text.encode("cp1251"), media_types.PLAIN).markdown == text


@pytest.mark.parametrize(
    "text", ["می\u200cخواهم", "見出し\u3000本文\u3000終", "👨\u200d👩\u200d👧"]
)
def test_joiners_and_wide_spaces_do_not_make_a_text_binary(convert: Convert, text: str) -> None:
    assert convert(text.encode(), media_types.PLAIN).markdown == text


def test_plain_text_means_itself(convert: Convert) -> None:
    content = b"# not a heading\nfive * six\n\nA  <b>  _x_"

    assert convert(content, media_types.PLAIN).markdown == (
        "\\# not a heading  \nfive \\* six\n\nA  \\<b>  \\_x\\_"
    )


def test_markdown_stays_as_it_is(convert: Convert) -> None:
    assert convert(b"# Title\n\n- *one*\n", media_types.MARKDOWN).markdown == "# Title\n\n- *one*"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_becomes_a_table_whatever_its_delimiter(convert: Convert, delimiter: str) -> None:
    rows = [["Name", "Size"], ["Eider", '"50\ncm"'], ["Teal", "35"]]
    content = "\n".join(delimiter.join(row) for row in rows)

    assert convert(content.encode(), media_types.CSV).markdown == (
        "| Name | Size |\n| --- | --- |\n| Eider | 50 cm |\n| Teal | 35 |"
    )


def test_a_csv_with_too_many_columns_is_cut_with_a_warning(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TABLE_MAX_COLUMNS", 2)

    converted = convert(b"a,b,c\n1,2,3\n", media_types.CSV)

    assert converted.markdown == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert converted.warnings == [("truncated_table", 1)]


def test_the_chapters_of_a_book_are_its_pages(convert: Convert) -> None:
    book = archive(
        {
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="o/b.opf"/>'
            "</rootfiles></container>",
            "o/b.opf": '<package><manifest><item id="b" href="t/2.xhtml"/>'
            '<item id="a" href="t/1.xhtml"/></manifest>'
            '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
            "o/t/1.xhtml": '<html><body><h1>One</h1><img src="../p.png"/></body></html>',
            "o/t/2.xhtml": "<html><body><h1>Two</h1><p>Text</p></body></html>",
            "o/p.png": encoded(noise(60, 50), "PNG"),
        }
    )

    converted = convert(book, media_types.EPUB)

    assert [page.markdown for page in converted.pages] == [
        "# One\n\n![](image-1.png)",
        "# Two\n\nText",
    ]
    assert converted.image_names == ["image-1.png"]


@pytest.mark.parametrize(
    "media_type",
    [media_types.PLAIN, media_types.MARKDOWN, media_types.CSV, media_types.HTML, media_types.RTF],
)
def test_white_space_alone_is_an_empty_document(convert: Convert, media_type: str) -> None:
    with pytest.raises(EmptyDocument):
        convert(b" \n\t\n", media_type)


@pytest.mark.parametrize("media_type", [media_types.PLAIN, media_types.CSV])
def test_bytes_that_are_no_text_are_called_corrupt(convert: Convert, media_type: str) -> None:
    with pytest.raises(CorruptDocument):
        convert(bytes(range(1, 32)) * 40, media_type)


def test_a_text_beyond_the_limit_is_refused(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TEXT_MAX_BYTES", 10)

    with pytest.raises(DocumentTooLarge):
        convert(b"eleven bytes", media_types.PLAIN)


def test_an_unknown_type_is_refused(convert: Convert) -> None:
    with pytest.raises(UnsupportedDocument, match="audio/mpeg"):
        convert(b"x", "audio/mpeg")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"caf\xe9 na\xefve", "café naïve"),
        ("Привет, как дела сегодня?".encode("cp1251"), "Привет, как дела сегодня?"),
    ],
)
def test_a_short_text_without_a_mark_is_read_in_its_code_page(
    convert: Convert, content: bytes, text: str
) -> None:
    assert convert(content, media_types.PLAIN).markdown == text
