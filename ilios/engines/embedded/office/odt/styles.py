"""The styles of an OpenDocument text, as far as they change what is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from ilios.engines.embedded import symbol_fonts
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.markdown import Span

INHERITED_MAX: Final = 30
"""Styles that a style may be based on, one on the other: some are based on themselves."""
_PLAIN = Span("")
_STYLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
#: The usual names, asked for first: much faster than a search in all namespaces.
_FAMILY, _NAME = f"{_STYLE}family", f"{_STYLE}name"
_LOOK: Final = frozenset(
    (
        *("display", "font-family", "font-name", "font-style", "font-weight"),
        *("text-line-through-style", "text-position"),
    )
)
"""Properties that change what is written."""
StyleElements = dict[tuple[str, str], etree._Element]


class Styles:
    """Named and automatic styles, by family; of two with one name the automatic one counts."""

    def __init__(self, named: StyleElements, automatic: StyleElements) -> None:
        self._styles = {**named, **automatic}
        self._spans: dict[str, Span] = {}
        self._looks: dict[tuple[str, str], dict[str, str]] = {}
        self._own_looks: dict[etree._Element, dict[str, str]] = {}
        self._fonts: dict[str, str] = {}
        self._lists: dict[str, str | None] = {}
        self._titles: dict[str, bool] = {}

    def span(self, name: str) -> Span:
        """Return the style of a run as an empty span."""
        if name not in self._spans:
            self._spans[name] = self._made_span(name)
        return self._spans[name]

    def is_hidden(self, family: str, name: str) -> bool:
        return self._text_properties(family, name).get("display") == "none"

    def symbol_font(self, name: str) -> str:
        """Return the font of a run if its letters stand for signs, else nothing."""
        if name not in self._fonts:
            properties = self._text_properties("text", name)
            font = properties.get("font-name", "")
            family = properties.get("font-family", font)
            known = (font, family.strip("'\" "), font.rstrip("0123456789"))
            self._fonts[name] = next(filter(symbol_fonts.is_symbol_font, known), "")
        return self._fonts[name]

    def list_style(self, name: str) -> str | None:
        """Return the list style that a paragraph style brings; empty if it forbids one."""
        if name not in self._lists:
            found = (attribute(s, "list-style-name") for s in self._chain("paragraph", name))
            self._lists[name] = next((value for value in found if value is not None), None)
        return self._lists[name]

    def is_title(self, name: str) -> bool:
        if name not in self._titles:
            style = self._styles.get(("paragraph", name))
            self._titles[name] = "Title" in (name, attribute(style, "parent-style-name"))
        return self._titles[name]

    def _made_span(self, name: str) -> Span:
        if ("text", name) not in self._styles:
            return _PLAIN
        properties = self._text_properties("text", name)
        raised = _raised(properties.get("text-position"))
        return Span(
            "",
            bold=properties.get("font-weight") in ("bold", "700", "800", "900"),
            italic=properties.get("font-style") in ("italic", "oblique"),
            struck=properties.get("text-line-through-style", "none") != "none",
            superscript=raised > 0,
            subscript=raised < 0,
        )

    def _text_properties(self, family: str, name: str) -> dict[str, str]:
        """Return how a style makes text look, by local names, inherited properties included."""
        key = family, name
        if key not in self._looks:
            look: dict[str, str] = {}
            for style in reversed(list(self._chain(family, name))):
                look.update(self._own_look(style))
            self._looks[key] = look
        return self._looks[key]

    def _own_look(self, style: etree._Element) -> dict[str, str]:
        """Return what a style itself says; it is read once, whichever others are based on it."""
        if style not in self._own_looks:
            found = child(style, "text-properties")
            said = found.items() if found is not None else ()
            named = ((str(key).rpartition("}")[2], str(value)) for key, value in said)
            self._own_looks[style] = {key: value for key, value in named if key in _LOOK}
        return self._own_looks[style]

    def _chain(self, family: str, name: str) -> Iterator[etree._Element]:
        """Yield a style, and those that it is based on."""
        for _ in range(INHERITED_MAX):
            style = self._styles.get((family, name))
            if style is None:
                return
            yield style
            name = attribute(style, "parent-style-name") or ""


def elements(section: etree._Element | None) -> StyleElements:
    """Return the styles of a section, by family and name."""
    styles = children(section, "style") if section is not None else ()
    return {
        (
            style.get(_FAMILY) or attribute(style, "family") or "",
            style.get(_NAME) or attribute(style, "name") or "",
        ): style
        for style in styles
    }


def sections(root: etree._Element | None) -> tuple[etree._Element | None, etree._Element | None]:
    """Return the sections of a part that hold its named, and its automatic styles."""
    return child(root, "styles"), child(root, "automatic-styles")


def master_pages(content: etree._Element, styles: etree._Element | None) -> list[etree._Element]:
    """Return the kinds of pages that the document uses: their headers and footers are shown."""
    masters = child(styles, "master-styles")
    pages = children(masters, "master-page") if masters is not None else ()
    found = {attribute(page, "name"): page for page in pages}
    styled = (e for section in sections(content) if section is not None for e in section)
    named = {attribute(style, "master-page-name") for style in styled}
    first = "Standard" if "Standard" in found else next(iter(found), None)
    waiting = [first, *sorted(name for name in named if name)]
    used: list[etree._Element] = []
    for name in waiting:
        master = found.pop(name, None)
        if master is not None:
            used.append(master)
            waiting.append(attribute(master, "next-style-name"))
    return used


def _raised(position: str | None) -> int:
    """Return 1 for a superscript, -1 for a subscript, else 0: `super 58%`, `-33% 58%`."""
    first = (position or "").split(" ")[0]
    if first in ("super", "sub"):
        return 1 if first == "super" else -1
    try:
        share = float(first.removesuffix("%"))
    except ValueError:
        return 0
    return (share > 0) - (share < 0)


def is_section_hidden(section: etree._Element) -> bool:
    display = attribute(section, "display")
    return display == "none" or (
        display == "condition" and attribute(section, "is-hidden") == "true"
    )


def hides_paragraph(paragraph: etree._Element) -> bool:
    """Return whether a field in a paragraph hides it."""
    return any(
        local_name(part) == "hidden-paragraph" and attribute(part, "is-hidden") == "true"
        for part in paragraph.iter("{*}hidden-paragraph")
    )
