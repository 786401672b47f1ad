"""What slides inherit from layouts and masters: positions, styles of lists, standing texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import Archive, attribute, child, local_name
from ilios.engines.embedded.numerals import whole_number
from ilios.engines.embedded.office.pptx.relations import Relations, relations

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
    standing: list[etree._Element] = field(default_factory=list)
    """Shapes with texts of their own, such as "Confidential", until they have been written."""


@dataclass(frozen=True, slots=True)
class SlideLayout:
    """A layout, and the master that it follows."""

    placeholders: _Placeholders = field(default_factory=_Placeholders)
    master: _Master = field(default_factory=_Master)
    standing: list[etree._Element] = field(default_factory=list)
    shows_master: bool = True

    @property
    def defines_lists(self) -> bool:
        return self.master.text_styles is not None

    def position(self, shape: etree._Element) -> tuple[int, int] | None:
        """Return the inherited position (top, left) of a placeholder."""
        for found in self._inherited(shape):
            offset = child(found, "spPr", "xfrm", "off")
            top, left = (whole_number(attribute(offset, axis)) for axis in "yx")
            if top is not None and left is not None:
                return top, left
        return None

    def take_standing(self, slide: etree._Element) -> list[etree._Element]:
        """Return the shapes that stand on a slide without being part of it, each once."""
        if not _shows_master(slide):
            return []
        taken = [*self.standing]
        self.standing.clear()
        if self.shows_master:
            taken += self.master.standing
            self.master.standing.clear()
        return taken

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

    def __init__(self, archive: Archive, presentation: etree._Element) -> None:
        self._archive = archive
        self._size = _slide_size(presentation)
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
            self._masters[master] = _Master(
                _Placeholders.of(root), child(root, "txStyles"), self._standing(root)
            )
        root = self._archive.optional_xml(part)
        return SlideLayout(
            _Placeholders.of(root),
            self._masters[master],
            self._standing(root),
            shows_master=_shows_master(root),
        )

    def _standing(self, root: etree._Element | None) -> list[etree._Element]:
        """Return the shapes with a text that every slide shows: no placeholders, no hints aside."""
        tree = child(root, "cSld", "spTree")
        return [
            shape
            for part in (tree if tree is not None else ())
            if local_name(part) in ("sp", "grpSp")
            for shape in part.iter("{*}sp")
            if not placeholder(shape)[0]
            and any(text.text for text in shape.iter("{*}t"))
            and self._is_on_slide(part)
        ]

    def _is_on_slide(self, shape: etree._Element) -> bool:
        properties = child(shape, "grpSpPr" if local_name(shape) == "grpSp" else "spPr")
        place, size = child(properties, "xfrm", "off"), child(properties, "xfrm", "ext")
        return place is None or all(
            _number(place, axis) < limit and _number(place, axis) + _number(size, length) >= 0
            for axis, length, limit in zip("xy", ("cx", "cy"), self._size, strict=True)
        )


def _slide_size(presentation: etree._Element) -> tuple[float, float]:
    size = child(presentation, "sldSz")
    return _number(size, "cx") or inf, _number(size, "cy") or inf


def _number(element: etree._Element | None, name: str) -> float:
    try:
        return float(attribute(element, name) or 0)
    except ValueError:
        return 0


def _shows_master(root: etree._Element | None) -> bool:
    return attribute(root, "showMasterSp") not in ("0", "false")


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
