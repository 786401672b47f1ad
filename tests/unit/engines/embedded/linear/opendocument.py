"""OpenDocument texts that grow."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.linear.growth import Case, lines, numbers
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


CASES: Final = (
    Case("odt-signs", media_types.ODT, odt_signs, 2_000),
    Case("odt-styles", media_types.ODT, odt_styles, 400),
    Case("odt-lists", media_types.ODT, odt_lists, 300),
    Case("odt-notes", media_types.ODT, odt_notes, 300),
    Case("odt-tables", media_types.ODT, odt_tables, 1_000),
)
