"""Styles and numbering of a Word document: heading levels and list levels."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree

from ilios.engines.embedded.archive import Archive, attribute, child, children

_HEADING_NAME = re.compile(r"heading\s*([1-9])$", re.IGNORECASE)
_LIST_NAME = re.compile(r"list (bullet|number)\s*(\d)?$", re.IGNORECASE)
BODY_LEVEL = 9


@dataclass(frozen=True, slots=True)
class ListLevel:
    """The list and the depth (from 0) of a list item; `ordered` when items are numbered."""

    number_id: str
    depth: int
    ordered: bool


@dataclass(slots=True)
class _Style:
    name: str
    based_on: str | None
    outline: int | None
    number_id: str | None
    depth: int


@dataclass(slots=True)
class Styles:
    """The styles of a document, by id."""

    _styles: dict[str, _Style] = field(default_factory=dict)
    _formats: dict[tuple[str, int], str] = field(default_factory=dict)

    @classmethod
    def of(cls, archive: Archive, folder: str) -> Styles:
        styles = cls()
        styles._read_styles(archive.optional_xml(f"{folder}/styles.xml"))
        styles._read_numbering(archive.optional_xml(f"{folder}/numbering.xml"))
        return styles

    def heading_level(self, paragraph: etree._Element) -> int | None:
        """Return 1 to 6 for titles and headings, None for body text."""
        properties = child(paragraph, "pPr")
        own = _number(attribute(child(properties, "outlineLvl"), "val"))
        if own is not None:
            return min(own + 1, 6) if own < BODY_LEVEL else None
        for style in self._chain(attribute(child(properties, "pStyle"), "val")):
            named = _HEADING_NAME.match(style.name)
            if style.name.casefold() == "title":
                return 1
            level = int(named[1]) - 1 if style.outline is None and named else style.outline
            if level is not None:
                return min(level + 1, 6) if level < BODY_LEVEL else None
        return None

    def list_level(self, paragraph: etree._Element) -> ListLevel | None:
        """Return the list level of a list item, None for other paragraphs."""
        properties = child(paragraph, "pPr")
        numbering = child(properties, "numPr")
        number_id = attribute(child(numbering, "numId"), "val")
        depth = _number(attribute(child(numbering, "ilvl"), "val"))
        named: re.Match[str] | None = None
        for style in self._chain(attribute(child(properties, "pStyle"), "val")):
            named = named or _LIST_NAME.match(style.name)
            number_id = number_id if number_id is not None else style.number_id
            depth = depth if depth is not None else (style.depth if style.number_id else None)
        if number_id is None and named:
            return ListLevel(named[0], int(named[2] or 1) - 1, named[1].casefold() == "number")
        if number_id in (None, "0"):
            return None
        kind = self._formats.get((number_id, depth or 0), "bullet")
        return None if kind == "none" else ListLevel(number_id, depth or 0, kind != "bullet")

    def _chain(self, style_id: str | None) -> list[_Style]:
        """Return a style, and those that it is based on."""
        chain: list[_Style] = []
        while style_id in self._styles and len(chain) < 12:
            chain.append(self._styles[style_id])
            style_id = chain[-1].based_on
        return chain

    def _read_styles(self, root: etree._Element | None) -> None:
        for style in children(root, "style") if root is not None else ():
            properties = child(style, "pPr")
            numbering = child(properties, "numPr")
            self._styles[attribute(style, "styleId") or ""] = _Style(
                name=attribute(child(style, "name"), "val") or "",
                based_on=attribute(child(style, "basedOn"), "val"),
                outline=_number(attribute(child(properties, "outlineLvl"), "val")),
                number_id=attribute(child(numbering, "numId"), "val"),
                depth=_number(attribute(child(numbering, "ilvl"), "val")) or 0,
            )

    def _read_numbering(self, root: etree._Element | None) -> None:
        if root is None:
            return
        abstract = {attribute(a, "abstractNumId"): a for a in children(root, "abstractNum")}
        for number in children(root, "num"):
            definition = abstract.get(attribute(child(number, "abstractNumId"), "val"))
            for level in children(definition, "lvl") if definition is not None else ():
                key = attribute(number, "numId") or "", _number(attribute(level, "ilvl")) or 0
                self._formats[key] = attribute(child(level, "numFmt"), "val") or "decimal"


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and re.fullmatch(r"-?\d{1,6}", value) else None
