"""Styles of a Word document: heading levels, lists, and how runs look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from ilios.engines.embedded import limits, symbol_fonts
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.office.docx.numbering import (
    LEVELS,
    Label,
    ListLevel,
    Numbering,
    whole_number,
)

_HEADING_NAME = re.compile(r"heading\s*([1-9])$", re.IGNORECASE)
_LIST_NAME = re.compile(r"list (bullet|number)\s*(\d)?$", re.IGNORECASE)
BODY_LEVEL = 9
_SAYING = ("vanish", "vertAlign", "rFonts")

Properties = Mapping[str, etree._Element]
"""The properties of a paragraph, a run or a cell, by name."""


@dataclass(slots=True)
class _Style:
    style_id: str
    name: str
    based_on: str | None
    outline: int | None
    number_id: str | None
    depth: int | None
    run: dict[str, etree._Element]


@dataclass(slots=True)
class Styles:
    """The styles of a document, by id; they are read when they are asked for."""

    _elements: dict[str, etree._Element] = field(default_factory=dict)
    _styles: dict[str, _Style] = field(default_factory=dict)
    _numbering: Numbering = field(default_factory=Numbering)
    _runs: dict[str, Properties] = field(default_factory=dict)
    _headings: dict[str, int | None] = field(default_factory=dict)

    @classmethod
    def of(cls, styles_root: etree._Element | None, numbering: etree._Element | None) -> Styles:
        """Read `styles.xml` and `numbering.xml`."""
        styles = cls()
        found = children(styles_root, "style") if styles_root is not None else ()
        styles._elements = {attribute(style, "styleId") or "": style for style in found}
        styles._numbering = Numbering.of(numbering, styles._number_of)
        return styles

    def heading_level(self, properties: Properties) -> int | None:
        """Return 1 to 6 for titles and headings, None for body text."""
        own = whole_number(attribute(properties.get("outlineLvl"), "val"))
        if own is not None:
            return min(own + 1, 6) if own < BODY_LEVEL else None
        if "pStyle" not in properties:
            return None
        style_id = attribute(properties["pStyle"], "val") or ""
        if style_id not in self._headings:
            self._headings[style_id] = self._heading_of_style(style_id)
        return self._headings[style_id]

    def _heading_of_style(self, style_id: str) -> int | None:
        for style in self._chain(style_id):
            named = _HEADING_NAME.match(style.name)
            if style.name.casefold() == "title":
                return 1
            level = int(named[1]) - 1 if style.outline is None and named else style.outline
            if level is not None:
                return min(level + 1, 6) if level < BODY_LEVEL else None
        return None

    def label(self, properties: Properties) -> tuple[int, Label] | None:
        """Count a paragraph if it is of a list: return its depth, from 0, and its label."""
        place = self._list_place(properties)
        if place is None:
            return None
        number_id, depth = place
        depth = min(max(depth, 0), LEVELS - 1)
        return depth, self._numbering.next_label(number_id, depth)

    def run(self, style_id: str) -> Properties:
        """Return the properties with which a style changes what its runs say, by name.

        Emphasis is none of them: that of styles is decoration.
        """
        if style_id not in self._runs:
            found: dict[str, etree._Element] = {}
            for style in reversed(self._chain(style_id)):
                found.update((name, style.run[name]) for name in _SAYING if name in style.run)
            if not symbol_fonts.is_symbol_font(font(found)):
                found.pop("rFonts", None)
            self._runs[style_id] = found
        return self._runs[style_id]

    def _list_place(self, properties: Properties) -> tuple[str, int] | None:
        if not ("numPr" in properties or "pStyle" in properties):
            return None
        numbering = properties.get("numPr")
        number_id = attribute(child(numbering, "numId"), "val")
        depth = whole_number(attribute(child(numbering, "ilvl"), "val"))
        chain = self._chain(attribute(properties.get("pStyle"), "val"))
        if number_id is None:
            number_id, of_style = self._place_of_styles(chain)
            depth = of_style if depth is None else depth
        if number_id is None:
            return self._named_place(chain)
        return None if number_id == "0" else (number_id, depth or 0)

    def _place_of_styles(self, chain: list[_Style]) -> tuple[str | None, int | None]:
        """Return the list of the first style that has one, and the depth of the paragraph in it."""
        depth: int | None = None
        for style in chain:
            depth = style.depth if depth is None else depth
            if style.number_id is not None:
                break
        else:
            return None, None
        if depth is None:
            found = (self._numbering.depth_of_style(style.number_id, s.style_id) for s in chain)
            depth = next((place for place in found if place is not None), None)
        return style.number_id, depth

    def _named_place(self, chain: list[_Style]) -> tuple[str, int] | None:
        """Return the list that a style has by its name alone, as `List Number 2`."""
        for style in chain:
            named = _LIST_NAME.match(style.name)
            if named:
                kind = "decimal" if named[1].casefold() == "number" else "bullet"
                self._numbering.define(named[0], ListLevel(kind))
                return named[0], int(named[2] or 1) - 1
        return None

    def _number_of(self, style_id: str) -> str | None:
        style = self._style(style_id)
        return style.number_id if style else None

    def _chain(self, style_id: str | None) -> list[_Style]:
        """Return a style, and those that it is based on."""
        chain: list[_Style] = []
        while style_id is not None and len(chain) < 12:
            style = self._style(style_id)
            if style is None:
                break
            chain.append(style)
            style_id = style.based_on
        return chain

    def _style(self, style_id: str) -> _Style | None:
        if style_id not in self._styles and style_id in self._elements:
            self._styles[style_id] = _read(style_id, self._elements[style_id])
        return self._styles.get(style_id)


def _read(style_id: str, style: etree._Element) -> _Style:
    properties = child(style, "pPr")
    numbering = child(properties, "numPr")
    return _Style(
        style_id=style_id,
        name=(attribute(child(style, "name"), "val") or "")[: limits.NAME_MAX_CHARACTERS],
        based_on=attribute(child(style, "basedOn"), "val"),
        outline=whole_number(attribute(child(properties, "outlineLvl"), "val")),
        number_id=attribute(child(numbering, "numId"), "val"),
        depth=whole_number(attribute(child(numbering, "ilvl"), "val")),
        run=by_name(child(style, "rPr")),
    )


def by_name(properties: etree._Element | None) -> dict[str, etree._Element]:
    return {local_name(e): e for e in properties} if properties is not None else {}


def font(properties: Properties) -> str:
    """Return the font of a run; empty if it is not given."""
    fonts = properties.get("rFonts")
    return attribute(fonts, "ascii") or attribute(fonts, "hAnsi") or ""
