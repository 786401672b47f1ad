"""Where the pages of a Word document end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import etree

from ilios.engines.embedded.archive import attribute, child, local_name
from ilios.engines.embedded.office.docx import sections
from ilios.engines.embedded.office.docx.sections import Section

_SHOWN = ("t", "drawing", "pict", "object")
_SIGNS = ("sym", "footnoteReference", "endnoteReference")


def pages(
    elements: Sequence[etree._Element], sections: Sequence[Section]
) -> list[list[etree._Element]]:
    """Cut a body into pages between its paragraphs and tables.

    A paragraph stays whole on the page where it begins, so that no sentence is cut.
    """
    cut: list[list[etree._Element]] = [[]]
    following = iter(sections[1:])
    for element in elements:
        if _begins_page(element) and cut[-1]:
            cut.append([])
        cut[-1].append(element)
        if _ends_section_and_page(element, following) or _has_break_after_text(element):
            cut.append([])
    return [page for page in cut if page] or [[]]


def _begins_page(element: etree._Element) -> bool:
    if local_name(element) != "p":
        return False
    before = child(element, "pPr", "pageBreakBefore")
    if before is not None and (attribute(before, "val") or "1") not in ("0", "false", "off"):
        return True
    return _has_break(element, before_text=True)


def _ends_section_and_page(element: etree._Element, following: Iterator[Section]) -> bool:
    """Return whether a page ends with a section: how the next one begins is its own property."""
    if sections.properties(element) is None:
        return False
    section = next(following, None)
    return section is not None and section.begins_page


def _has_break_after_text(element: etree._Element) -> bool:
    """Return whether a break inside a paragraph ends the page: it takes effect after it."""
    return local_name(element) == "p" and _has_break(element, before_text=False)


def _has_break(element: etree._Element, *, before_text: bool) -> bool:
    """Return whether the paragraph holds a page break before (or after) its first text."""
    if next(element.iter("{*}lastRenderedPageBreak", "{*}br"), None) is None:
        return False
    seen_text = False
    for part in element.iter():
        name = local_name(part)
        seen_text = seen_text or (name in _SHOWN and bool(part.text or len(part))) or name in _SIGNS
        is_break = name == "lastRenderedPageBreak" or (
            name == "br" and attribute(part, "type") == "page"
        )
        if is_break and seen_text != before_text:
            return True
    return False
