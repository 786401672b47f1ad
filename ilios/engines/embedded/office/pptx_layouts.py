"""What slides inherit from their layouts and masters: positions, and styles of lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import Archive, attribute, child, local_name
from ilios.engines.embedded.office.pptx_relations import Relations, relations

_TITLES: Final = ("title", "ctrTitle")
_OTHERS: Final = ("dt", "ftr", "sldNum", "hdr")


@dataclass(frozen=True, slots=True)
class _Placeholders:
    """The placeholders of a layout or a master; the first of a role counts."""

    by_index: dict[str, etree._Element] = field(default_factory=dict)
    by_kind: dict[str, etree._Element] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element | None) -> _Placeholders:
        found = cls()
        tree = child(root, "cSld", "spTree")
        for shape in tree if tree is not None else ():
            kind, index = placeholder(shape)
            if index:
                found.by_index.setdefault(index, shape)
            if kind:
                found.by_kind.setdefault(kind, shape)
        return found

    def match(self, kind: str, index: str) -> etree._Element | None:
        found = self.by_index.get(index)
        return found if found is not None else self.by_kind.get(kind)


@dataclass(frozen=True, slots=True)
class _Master:
    placeholders: _Placeholders = field(default_factory=_Placeholders)
    text_styles: etree._Element | None = None


@dataclass(frozen=True, slots=True)
class SlideLayout:
    """A layout, and the master that it follows."""

    placeholders: _Placeholders = field(default_factory=_Placeholders)
    master: _Master = field(default_factory=_Master)

    @property
    def defines_lists(self) -> bool:
        return self.master.text_styles is not None

    def position(self, shape: etree._Element) -> tuple[int, int] | None:
        """Return the inherited position (top, left) of a placeholder."""
        for found in self._inherited(shape):
            offset = child(found, "spPr", "xfrm", "off")
            top, left = attribute(offset, "y") or "", attribute(offset, "x") or ""
            if top.lstrip("-").isdecimal() and left.lstrip("-").isdecimal():
                return int(top), int(left)
        return None

    def list_styles(self, shape: etree._Element) -> list[etree._Element]:
        """Return the styles of lists that a placeholder inherits, the nearest first."""
        kind, _ = placeholder(shape)
        if not kind:
            return []
        found = [child(each, "txBody", "lstStyle") for each in self._inherited(shape)]
        found.append(child(self.master.text_styles, _style_name(kind)))
        return [style for style in found if style is not None]

    def _inherited(self, shape: etree._Element) -> list[etree._Element]:
        kind, index = placeholder(shape)
        if not kind:
            return []
        own = self.placeholders.match(kind, index)
        general = _general(placeholder(own)[0] if own is not None else kind)
        above = self.master.placeholders.match(general, "")
        return [found for found in (own, above) if found is not None]


class SlideLayouts:
    """Reads the layouts and masters of a presentation, each once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._layouts: dict[str, SlideLayout] = {}
        self._masters: dict[str, _Master] = {}

    def of_slide(self, slide: Relations) -> SlideLayout:
        """Return the layout of a slide; one that is missing defines nothing."""
        part = slide.kinds.get("slideLayout", "")
        if part not in self._layouts:
            self._layouts[part] = self._layout(part) if part else SlideLayout()
        return self._layouts[part]

    def _layout(self, part: str) -> SlideLayout:
        master = relations(self._archive, part).kinds.get("slideMaster", "")
        if master not in self._masters:
            root = self._archive.optional_xml(master)
            self._masters[master] = _Master(_Placeholders.of(root), child(root, "txStyles"))
        return SlideLayout(
            _Placeholders.of(self._archive.optional_xml(part)), self._masters[master]
        )


def placeholder(shape: etree._Element) -> tuple[str, str]:
    """Return the role and the index of a placeholder of any kind of shape."""
    for element in shape:
        if local_name(element).startswith("nv"):
            mark = child(element, "nvPr", "ph")
            if mark is not None:
                return attribute(mark, "type") or "obj", attribute(mark, "idx") or ""
    return "", ""


def _general(kind: str) -> str:
    """Return the role on a master, which knows five: what it does not know is a body to it."""
    if kind in _TITLES:
        return "title"
    return kind if kind in _OTHERS else "body"


def _style_name(kind: str) -> str:
    if kind in _TITLES:
        return "titleStyle"
    return "otherStyle" if kind in _OTHERS else "bodyStyle"
