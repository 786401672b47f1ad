"""Where the pages of a Word document end."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from ilios.engines.embedded.archive import attribute, child, local_name

_SHOWN = ("t", "drawing", "pict")
_NEW_PAGE_SECTIONS = (None, "nextPage", "oddPage", "evenPage")


def pages(elements: Sequence[etree._Element]) -> list[list[etree._Element]]:
    """Cut a body into pages between its paragraphs and tables.

    A paragraph stays whole on the page where it begins, so that no sentence is cut.
    """
    cut: list[list[etree._Element]] = [[]]
    for element in elements:
        if _begins_page(element) and cut[-1]:
            cut.append([])
        cut[-1].append(element)
        if _ends_page(element):
            cut.append([])
    return [page for page in cut if any(_has_content(element) for element in page)] or cut[:1]


def _begins_page(element: etree._Element) -> bool:
    if local_name(element) != "p":
        return False
    before = child(element, "pPr", "pageBreakBefore")
    if before is not None and (attribute(before, "val") or "1") not in ("0", "false", "off"):
        return True
    return _has_break(element, before_text=True)


def _ends_page(element: etree._Element) -> bool:
    """Return whether a page ends after the element: breaks inside a paragraph take effect there."""
    if local_name(element) != "p":
        return False
    section = child(element, "pPr", "sectPr")
    if section is not None and attribute(child(section, "type"), "val") in _NEW_PAGE_SECTIONS:
        return True
    return _has_break(element, before_text=False)


def _has_break(element: etree._Element, *, before_text: bool) -> bool:
    """Return whether the paragraph holds a page break before (or after) its first text."""
    seen_text = False
    for part in element.iter():
        name = local_name(part)
        seen_text = seen_text or (name in _SHOWN and bool(part.text or len(part)))
        is_break = name == "lastRenderedPageBreak" or (
            name == "br" and attribute(part, "type") == "page"
        )
        if is_break and seen_text != before_text:
            return True
    return False


def _has_content(element: etree._Element) -> bool:
    return any(
        local_name(part) in ("drawing", "pict", "object", "oMath")
        or (local_name(part) == "t" and (part.text or "").strip())
        for part in element.iter()
    )
