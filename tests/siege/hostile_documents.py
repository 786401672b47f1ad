"""Small files that ask our readers for far more than they look like.

Every one is aimed at our own code. None is known to crash or to hang a library.
"""

from __future__ import annotations

import math
import random
import unicodedata
from collections.abc import Callable, Mapping

from tests.siege import packages
from tests.support.sample_files import pdf, picture, scan, text

MIB = 1024 * 1024
NAME_CHARACTERS = 3_000  #: of combining marks, each two bytes
SCAN_PAGES = (2, 5)

File = tuple[str, bytes]
"""A name, and the content."""

Maker = Callable[[random.Random], File]


def absurd_list_level(draw: random.Random) -> File:
    level = _size(draw, 100, 20_000_000)
    item = f'<a:p><a:pPr lvl="{level}"><a:buChar char="*"/></a:pPr><a:r><a:t>deep</a:t></a:r></a:p>'
    return "level.pptx", packages.deck(item * draw.randint(2, 12))


def repeated_cells(draw: random.Random) -> File:
    cells, rows = _size(draw, 100, 16_384), _size(draw, 100, 1_048_576)
    return "cells.odt", packages.odt(
        f'<table:table><table:table-column table:number-columns-repeated="{cells}"/>'
        f'<table:table-row table:number-rows-repeated="{rows}">'
        f'<table:table-cell table:number-columns-repeated="{cells}"><text:p>x</text:p>'
        "</table:table-cell></table:table-row></table:table>"
    )


def repeated_spaces(draw: random.Random) -> File:
    spaces = _size(draw, 10_000, 200 * MIB)
    return "spaces.odt", packages.odt(f'<text:p>a<text:s text:c="{spaces}"/>b</text:p>')


def ragged_table(draw: random.Random) -> File:
    """Return a table of one very wide row and many short ones, which are filled up."""
    columns, rows = _size(draw, 500, 60_000), _size(draw, 500, 20_000)
    return "ragged.csv", b"a" + b"," * columns + b"z\n" + b"a,b\n" * rows


def opening_brackets(draw: random.Random) -> File:
    kind = draw.choice(["[", "![", "<", "(", "`", "*_", "![]("])
    return "brackets.html", b"<!doctype html><p>" + (kind * _size(draw, 5_000, 200_000)).replace(
        "<", "&lt;"
    ).encode()


def same_chapter(draw: random.Random) -> File:
    """Return a book whose reading order names one chapter thousands of times."""
    order = '<itemref idref="c"/>' * _size(draw, 100, 8_000)
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><manifest><item id="c" '
        f'href="c.xhtml" media-type="application/xhtml+xml"/></manifest><spine>{order}</spine>'
        "</package>"
    )
    chapter = (
        f"<html xmlns='http://www.w3.org/1999/xhtml'><body><p>{'word ' * 2000}</p></body></html>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="b.opf" media-type="application/oebps-package+xml"/></rootfiles>'
        "</container>"
    )
    return "book.epub", packages.archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "b.opf": package,
            "c.xhtml": chapter,
        }
    )


def sparse_cells(draw: random.Random) -> File:
    """Return a workbook whose few cells lie at the far ends of a sheet."""
    rows = "".join(
        f'<row r="{row}"><c r="{column}{row}"><v>{row}</v></c></row>'
        for row, column in zip(
            sorted(draw.sample(range(1, 1_048_576), 200)), draw.choices(["A", "XFD", "ZZ"], k=200),
            strict=True,
        )
    )  # fmt: skip
    return "sparse.xlsx", packages.workbook(f"<sheetData>{rows}</sheetData>")


def merged_cells(draw: random.Random) -> File:
    ranges = "".join(f'<mergeCell ref="A{n}:XFD{n + 500_000}"/>' for n in range(1, 60))
    return "merged.xlsx", packages.workbook(
        '<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>'
        f"<mergeCells>{ranges}</mergeCells>",
        number_format=draw.choice(["0", "#", "?", "[Red]", "\\-", '"a"'])
        * draw.randint(500, 4_000),
    )


def many_notes(draw: random.Random) -> File:
    count = _size(draw, 200, 5_000)
    body = "".join(
        f'<w:p><w:r><w:t>See</w:t></w:r><w:r><w:footnoteReference w:id="{n}"/></w:r></w:p>'
        for n in range(1, count + 1)
    )
    notes = "".join(
        f'<w:footnote w:id="{n}"><w:p><w:r><w:t>note {n}</w:t></w:r></w:p></w:footnote>'
        for n in range(1, count + 1)
    )
    return "notes.docx", packages.docx(
        body,
        {"word/footnotes.xml": f'<w:footnotes xmlns:w="{packages.WORD}">{notes}</w:footnotes>'},
    )


def nested_tables(draw: random.Random) -> File:
    depth = _size(draw, 10, 4_000)
    opening, closing = "<w:tbl><w:tr><w:tc>", "<w:p/></w:tc></w:tr></w:tbl>"
    return "tables.docx", packages.docx(opening * depth + closing * depth)


def nested_elements(draw: random.Random) -> File:
    tags = draw.choice(["<div><blockquote>", "<ul><li>", "<table><tr><td>", "<b><i>"])
    return "nested.html", (
        f"<!doctype html><body>{tags * _size(draw, 20, 20_000)}deep down"
    ).encode()


def nested_groups(draw: random.Random) -> File:
    depth = _size(draw, 100, 100_000)
    return "groups.rtf", rb"{\rtf1 " + b"{" * depth + b"deep" + b"}" * depth + b"}"


def many_entries(draw: random.Random) -> File:
    count = _size(draw, 1_000, 30_000)
    return "entries.docx", packages.docx(
        "<w:p><w:r><w:t>small</w:t></w:r></w:p>", {f"word/x{n}": "" for n in range(count)}
    )


def odd_web_page(draw: random.Random) -> File:
    pieces = ['<ol start="²"><li>one</ol>', "<embed>text behind", "<a href='java\nscript:x'>y</a>",
              "<table><td colspan=100000>x</table>", "<li value=99999999999999999999>"]  # fmt: skip
    return "odd.html", ("<!doctype html>" + "".join(draw.choices(pieces, k=2_000))).encode()


def long_text(draw: random.Random) -> File:
    words = draw.choice(["lorem ipsum ", "1 < 2 & 3 > 2 * ", "| a | b |\n", "> > > quote\n"])
    return "long.txt", (words * (draw.randint(1, 3) * MIB // len(words))).encode()


def combining_marks(draw: random.Random) -> File:
    """Return a small text under a name of combining marks in an order that costs to normalise."""
    marks = [c for c in map(chr, range(0x300, 0x36F)) if unicodedata.combining(c)]
    return "a" + "".join(draw.choices(marks, k=NAME_CHARACTERS)) + ".txt", b"A small text."


def scanned_pages(draw: random.Random) -> File:
    lines = [f"Line {n}: {draw.random():.9f} of what a scanner saw" for n in range(24)]
    pages = [picture(0, 0, 595, 842)] * draw.randint(*SCAN_PAGES)
    return "scan.pdf", pdf(*pages, image=scan(lines))


def estimated_pages(draw: random.Random) -> File:
    """Return a PDF of many pages, for estimates: counting them takes a while."""
    return "count.pdf", pdf(*[text(f"page {draw.random()}")] * draw.randint(500, 1_500))


MAKERS: Mapping[Maker, int] = {
    absurd_list_level: 3,
    repeated_cells: 3,
    repeated_spaces: 2,
    ragged_table: 3,
    opening_brackets: 3,
    same_chapter: 2,
    sparse_cells: 2,
    merged_cells: 2,
    many_notes: 2,
    nested_tables: 1,
    nested_elements: 1,
    nested_groups: 1,
    many_entries: 1,
    odd_web_page: 2,
    long_text: 2,
    combining_marks: 2,
}
"""How often each is sent in comparison; scans come on top, when they are asked for."""

SCANS_WEIGHT = 6


def make(draw: random.Random, with_scans: bool) -> File:
    """Return one, drawn by its weight; no two are the same, else they would be converted once."""
    makers = dict(MAKERS)
    if with_scans:
        makers[scanned_pages] = SCANS_WEIGHT
    return draw.choices(list(makers), list(makers.values()))[0](draw)


def _size(draw: random.Random, least: int, most: int) -> int:
    """Draw a number by its order of magnitude: below, at and beyond the bounds that there are."""
    return round(math.exp(draw.uniform(math.log(least), math.log(most))))
