"""The words of an OpenDocument text, counted from its XML without converting it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from ilios.engines.embedded import accounting, symbol_fonts
from ilios.engines.embedded.archive import attribute, child, local_name
from ilios.engines.embedded.office.odt.package import OdtPackage
from ilios.engines.embedded.office.odt.styles import Styles, hides_paragraph, is_section_hidden

_NO_TEXT_WORDS: Final = (
    "tracked-changes script event-listeners forms desc creator date number note-citation "
    "covered-table-cell binary-data math table-of-content-source illustration-index-source "
    "table-index-source object-index-source user-index-source alphabetical-index-source "
    "bibliography-source creator-initials"
)
_NO_TEXT = frozenset(_NO_TEXT_WORDS.split())
_SVG_TITLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}title"
_BREAKING: Final = frozenset(("p", "h", "s", "tab", "line-break", "ruby-text"))


def rough_text(package: OdtPackage) -> str:
    """Return all text of the body, what is left out on purpose and deleted included."""
    body = child(package.content, "body", "text")
    return accounting.rough_text(body) if body is not None else ""


def text(package: OdtPackage, styles: Styles) -> str:
    """Return the text of the body but for what is left out on purpose, such as hidden text.

    Embedded documents belong to it, each once.
    """
    body = child(package.content, "body", "text")
    return of_element(body, package, styles) if body is not None else ""


def of_element(element: etree._Element, package: OdtPackage, styles: Styles) -> str:
    """Return the text of a part of the body in the same way."""
    return "".join(_pieces(element, styles, package, set()))


def _pieces(
    body: etree._Element, styles: Styles, package: OdtPackage, seen: set[str]
) -> Iterator[str]:
    walk = etree.iterwalk(body, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        name = local_name(element)
        if event != "start":
            yield _shown(element.tail, element.getparent(), styles)
        elif _is_left_out(element, name, styles):
            walk.skip_subtree()
        else:
            yield " " if name in _BREAKING else ""
            yield _shown(element.text, element, styles)
            if name == "object":
                yield from _embedded(element, styles, package, seen)


def _shown(text: str | None, owner: etree._Element | None, styles: Styles) -> str:
    """Return a text as it is seen: letters of symbol fonts stand for signs."""
    is_span = text and owner is not None and local_name(owner) == "span"
    font = styles.symbol_font(attribute(owner, "style-name") or "") if is_span else ""
    return symbol_fonts.text(font, text) if font and text else text or ""


def _embedded(
    element: etree._Element, styles: Styles, package: OdtPackage, seen: set[str]
) -> Iterator[str]:
    href = attribute(element, "href")
    if href is None or href in seen:
        return
    seen.add(href)
    body = child(package.embedded(element), "body")
    if body is not None:
        yield from _pieces(body, styles, package, seen)


def _is_left_out(element: etree._Element, name: str, styles: Styles) -> bool:
    if name in _NO_TEXT or element.tag == _SVG_TITLE:
        return True
    style = attribute(element, "style-name") or ""
    if name in ("p", "h"):
        return styles.is_hidden("paragraph", style) or hides_paragraph(element)
    if name == "span":
        return styles.is_hidden("text", style)
    if name == "hidden-text":
        return attribute(element, "is-hidden") == "true"
    if name == "section":
        return is_section_hidden(element)
    return attribute(element, "display") == "none"
