"""OpenDocument texts that grow."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.linear.growth import Case, lines, numbers
from tests.unit.engines.embedded.office.odp import test_document as slides
from tests.unit.engines.embedded.office.ods import test_document as sheets
from tests.unit.engines.embedded.office.odt.test_document import document_of


def odt_signs(n: int) -> bytes:
    return document_of("".join(f"<text:p>{escape(line)}</text:p>" for line in lines(n)))


def odt_styles(n: int) -> bytes:
    """Return a style with many properties, and many that are based on it."""
    properties = numbers(n, ' fo:p@="1"')
    parent = (
        '<style:style style:name="p" style:family="text">'
        f"<style:text-properties{properties}/></style:style>"
    )
    styles = numbers(
        n, '<style:style style:name="s@" style:family="text" style:parent-style-name="p"/>'
    )
    return document_of(
        "<text:p>" + numbers(n, '<text:span text:style-name="s@">a</text:span>') + "</text:p>",
        parent + styles,
    )


def odt_lists(n: int) -> bytes:
    item = "<text:list-item><text:p>a</text:p></text:list-item>"
    deep = (
        "<text:list><text:list-item>" * 40
        + "<text:p>a</text:p>" * n
        + "</text:list-item></text:list>" * 40
    )
    number = numbers(
        n,
        '<text:list xml:id="l@" text:continue-list="l0"><text:list-item><text:p>a</text:p>'
        "</text:list-item></text:list>",
    )
    return document_of(f"<text:list>{item * n}</text:list>" + number + deep)


def odt_notes(n: int) -> bytes:
    note = "<text:note><text:note-body><text:p>note</text:p></text:note-body></text:note>"
    frame = (
        '<draw:frame text:anchor-type="paragraph"><draw:text-box><text:p>a</text:p>'
        "</draw:text-box></draw:frame>"
    )
    return document_of(f"<text:p>{note * n}</text:p>" + f"<text:p>{frame}</text:p>" * n)


def odt_tables(n: int) -> bytes:
    row = (
        "<table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
        "<table:table-cell/></table:table-row>"
    )
    return document_of(f"<table:table>{row * n}</table:table>")


def ods_cells(n: int) -> bytes:
    """Return filled, repeated, styled and noted cells, and pictures of none."""
    note = "<office:annotation><text:p>note</text:p></office:annotation>"
    rows = numbers(n, sheets.row(sheets.cell("a@"), sheets.cell("b", times=3), sheets.cell()))
    noted = sheets.row(sheets.cell("c", more=note)) * n
    wide = sheets.row(*["<table:table-cell/>"] * n, sheets.cell("d") * n)
    many = "".join(sheets.sheet(sheets.row(sheets.cell("a")), f"S{k}") for k in range(n // 10))
    return sheets.spreadsheet(sheets.sheet(rows + noted + wide), many)


def odp_slides(n: int) -> bytes:
    shape = f"<draw:custom-shape>{slides.text('a')}</draw:custom-shape>"
    notes = f"<presentation:notes>{slides.box(slides.text('n'), 'notes')}</presentation:notes>"
    small = slides.slide(slides.box(slides.text("t"), "title"), shape, notes)
    groups = "<draw:g>" * 40 + shape * n + "</draw:g>" * 40
    return slides.presentation(small * n, slides.slide(shape * n, groups))


CASES: Final = (
    Case("odt-signs", media_types.ODT, odt_signs, 2_000),
    Case("odt-styles", media_types.ODT, odt_styles, 400),
    Case("odt-lists", media_types.ODT, odt_lists, 300),
    Case("odt-notes", media_types.ODT, odt_notes, 300),
    Case("odt-tables", media_types.ODT, odt_tables, 1_000),
    Case("ods-cells", media_types.ODS, ods_cells, 300),
    Case("odp-slides", media_types.ODP, odp_slides, 200),
)
