"""Web pages and books that grow."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.linear.growth import Case, lines, numbers
from tests.unit.engines.embedded.web.epub.test_document import book, chapter, item, package


def page_signs(n: int) -> bytes:
    shown = "".join(f"<p>{escape(line)}</p>" for line in lines(n))
    return f"<html><body>{shown}<pre>{escape(''.join(lines(n // 8)))}</pre></body></html>".encode()


def page_raw(n: int) -> bytes:
    """Return signs that the page does not escape: tags that never end, comments, entities."""
    return ("<html><body><p>" + "<a" * n + "</p>" + "&#" * n + "<" + "b" * n + "<!x" * n).encode()


def page_lists(n: int) -> bytes:
    style = "list-style-type:" + " " * 20 * n
    lists = f'<ol style="{style}">' + "<li>a" * n + "</ol>"
    nested = "<ul><li>a" + "<ul><li>b</ul>" * n + "</ul>"
    loose = "<ul>" + "<ul><li>a</ul>" * n + "</ul>"
    return f"<html><body>{lists}{nested}{loose}</body></html>".encode()


def page_tables(n: int) -> bytes:
    row = "<tr><td>a<td colspan=2>b<td rowspan=3>c"
    return f"<html><body><table>{row * n}</table>{'<table><tr><td>a<td>b</table>' * n}".encode()


def page_parts(n: int) -> bytes:
    """Return what is looked at with its neighbours: anchors, forms, readings, lines of code."""
    return (
        "<html><body>"
        + numbers(n, '<a id="a@" href="#a@">x</a>')
        + numbers(n, '<label for="f@">l</label><input id="f@" value="v">')
        + "<ruby>" + "<rt>a<rb>b</rb></rt>" * n + "</ruby>"
        + "<pre>" + "<b></b>" * n + "</pre><p>" + "<br>" * n
        + "<blockquote>a</blockquote>" * n + "<dl>" + "<dt>a<dd>b" * n + "</dl>"
        + "<nav><a href=x>a</a></nav>" * n + "<div class=menu>" * 20 + "<a href=y>b</a>" * n
    ).encode()  # fmt: skip


def page_formulas(n: int) -> bytes:
    row = "<mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow>"
    script = '<script src="mathjax.js"></script>'
    signs = "".join(f"<p>{sign * n}</p>" for sign in ("$$", "\\(", "\\[", "$a", "$$a$$ "))
    return (
        f"<html><head>{script}</head><body><math>{row * n}</math>{signs}"
        f"<math><mtext>{'a' * n}</mtext></math>"
    ).encode()


def page_open_tags(n: int) -> bytes:
    return b"<html><body>" + b"<font>a" * n


def book_chapters(n: int) -> bytes:
    """Return chapters that link to each other and share a style sheet."""
    items = numbers(n, item("c@", "c@.xhtml"))
    parts: dict[str, str | bytes] = {
        f"o/c{i}.xhtml": "<html><head>"
        + '<link rel="stylesheet" href="s.css"/>' * 2
        + f'</head><body><p class="r1">a<a href="c{i + 1}.xhtml#x">{i}</a></p></body></html>'
        for i in range(n)
    }
    sheet = numbers(n * 20, ".r@{vertical-align:super}")
    return book(package(items, *(f"c{i}" for i in range(n))), {**parts, "o/s.css": sheet})


def book_signs(n: int) -> bytes:
    content = chapter("".join(f"<p>{escape(line)}</p>" for line in lines(n)))
    return book(package(item("a", "a.xhtml"), "a"), {"o/a.xhtml": content})


def book_notes(n: int) -> bytes:
    content = chapter(
        numbers(n, '<p>word<a href="#n@">@</a></p>')
        + numbers(n, '<aside epub:type="footnote" id="n@"><p>note</p></aside>')
        + "<p>" + "word <a href='#n1'>1</a>" * n + "</p>"
        + '<p>' + '<img src="a.png"/>' * n + "</p>"
    )  # fmt: skip
    return book(
        package(item("a", "a.xhtml"), "a"), {"o/a.xhtml": content, "o/a.png": b"\x89PNG" + b"x" * n}
    )


def book_of_one_file(n: int) -> bytes:
    return book(package(item("a", "a.xhtml"), *(["a"] * n)), {"o/a.xhtml": chapter("<b></b>" * n)})


CASES: Final = (
    Case("page-signs", media_types.HTML, page_signs, 2_000),
    Case("page-raw", media_types.HTML, page_raw, 2_000),
    Case("page-lists", media_types.HTML, page_lists, 400),
    Case("page-tables", media_types.HTML, page_tables, 300),
    Case("page-parts", media_types.HTML, page_parts, 200),
    Case("page-formulas", media_types.HTML, page_formulas, 300),
    Case("page-open-tags", media_types.HTML, page_open_tags, 1_000),
    Case("book-signs", media_types.EPUB, book_signs, 2_000),
    Case("book-chapters", media_types.EPUB, book_chapters, 50),
    Case("book-notes", media_types.EPUB, book_notes, 300),
    Case("book-of-one-file", media_types.EPUB, book_of_one_file, 100),
)
