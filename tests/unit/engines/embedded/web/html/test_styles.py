"""Raised text and the numbers of lists as style sheets define them."""

from __future__ import annotations

import time

import pytest

from ilios.engines.detection import media_types
from ilios.engines.embedded.web.html import styles
from ilios.engines.embedded.web.html.document import parsed
from ilios.engines.embedded.web.html.writer import HtmlWriter
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.web.epub.test_document import book, item, package


def _written(sheet: str, body: str) -> str:
    page = f"<html><head><style>{sheet}</style></head><body>{body}</body></html>"
    return HtmlWriter(lambda source: source).write(parsed(page))


@pytest.mark.parametrize(
    ("sheet", "body", "markdown"),
    [
        (".c4{font-size:7pt;vertical-align:super}", "10<span class='x c4'>9</span>", "10⁹"),
        ("span.c4 { vertical-align: sub }", "H<span class='c4'>2</span>O", "H₂O"),
        ("p.c4 {vertical-align:super}", "10<span class='c4'>9</span>", "109"),
        ("/* .c4{} */ @media all { a, .c4 {vertical-align:super} }", "x<i class='c4'>2</i>", "x²"),
        (".c4{vertical-align:super}", "word<a class='c4' href='#n'>7</a>", "word⁷"),
        (".c4{vertical-align:super}", "<p class='c4'>whole</p>", "whole"),
        (".c4{vertical-align:middle}", "a<span class='c4'>b</span>", "ab"),
        ("ol.c4{list-style-type:lower-alpha}", "<ol class='c4'><li>x<li>y</ol>", "- a. x\n- b. y"),
        (
            ".k-1{list-style-type:none}.k-1 > li:before{content:'' counter(k,upper-roman) '. '}",
            "<ol class='k-1' start=4><li>x</ol>",
            "- IV. x",
        ),
        ("ol.c4{list-style-type:none}", "<ol class='c4'><li>x</ol>", "1. x"),
    ],
)
def test_classes_say_what_is_raised_and_how_lists_count(
    sheet: str, body: str, markdown: str
) -> None:
    assert _written(sheet, body) == markdown


def test_the_style_sheet_of_a_book_raises_text(convert: Convert) -> None:
    link = '<head><link rel="stylesheet" href="css/a.css"/></head>'
    page = f"<html>{link}<body><p>10<span class='up'>9</span> sacks</p></body></html>"
    parts: dict[str, str | bytes] = {
        "o/a.xhtml": page,
        "o/b.xhtml": page,
        "o/css/a.css": "span.up { vertical-align: super; }",
    }
    opf = package(item("a", "a.xhtml") + item("b", "b.xhtml"), "a", "b")

    pages = convert(book(opf, parts), media_types.EPUB).pages

    assert [page.markdown for page in pages] == ["10⁹ sacks", "10⁹ sacks"]


@pytest.mark.parametrize(
    "hostile",
    ["{", "a{", "/*", ".a,", ".a{list-style:", "vertical-align :", "list-style:",
     "content:counter(", ".a{vertical-align:super}"],
)  # fmt: skip
def test_a_style_sheet_costs_no_more_than_its_length(hostile: str) -> None:
    began = time.process_time()

    styles.rules("counter(" + hostile * 150_000)
    _written(
        ".a{list-style:i}", f"<ol style='{hostile[:20] * 150_000}' class='{'a ' * 9_999}'></ol>"
    )
    styles.apply(parsed("<p class=a>x" * 999), [styles.rules(hostile * 9_999)])

    assert time.process_time() - began < 3
