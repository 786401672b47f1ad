"""Positions of the shapes on a slide, and the reading order that follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import attribute, child, local_name
from ilios.engines.embedded.numerals import whole_number
from ilios.engines.embedded.office.pptx.layouts import SlideLayout

SAME_ROW_EMU: Final = 300_000
"""Shapes whose tops differ by less than 8 mm are read from left to right."""
_SHAPES: Final = ("sp", "pic", "graphicFrame", "cxnSp")
_SHOWING: Final = ("{*}t", "{*}pic", "{*}blip", "{*}chart", "{*}relIds", "{*}tbl")

Position = tuple[float, float]
"""Top and left, in EMU on the slide."""
_Entry = tuple[Position | None, list[etree._Element]]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a group puts what stands inside it."""

    top: float = 0
    left: float = 0
    down: float = 1  #: EMU on the slide per unit of the group, and the same across
    across: float = 1

    def position(self, point: Position | None) -> Position | None:
        if point is None:
            return None
        return self.top + self.down * point[0], self.left + self.across * point[1]

    def inside(self, transform: etree._Element | None) -> _Frame:
        """Return the frame of a group in this one."""
        place, inner = _point(transform, "off", "yx"), _point(transform, "chOff", "yx")
        size = _point(transform, "ext", ("cy", "cx"))
        inner_size = _point(transform, "chExt", ("cy", "cx"))
        origin = self.position(place)
        if origin is None or inner is None:
            return self
        down, across = self.down, self.across
        if size and inner_size and inner_size[0] > 0 and inner_size[1] > 0:
            down *= size[0] / inner_size[0]
            across *= size[1] / inner_size[1]
        return _Frame(origin[0] - down * inner[0], origin[1] - across * inner[1], down, across)


def in_reading_order(tree: etree._Element, layout: SlideLayout) -> list[etree._Element]:
    """Return all shapes from top to bottom, then left to right; those of a group stay together.

    A shape without a position follows the one before it.
    """
    return [shape for _, shapes in _ordered(tree, _Frame(), layout) for shape in shapes]


def _ordered(tree: etree._Element, frame: _Frame, layout: SlideLayout) -> list[_Entry]:
    entries: list[_Entry] = []
    for shape in _shapes(tree):
        if local_name(shape) == "grpSp":
            entries.append(_group(shape, frame, layout))
        else:
            own = _own_position(shape) or layout.position(shape)
            entries.append((frame.position(own), [shape]))
    return _sorted(entries)


def _group(group: etree._Element, frame: _Frame, layout: SlideLayout) -> _Entry:
    transform = child(group, "grpSpPr", "xfrm")
    inner = _ordered(group, frame.inside(transform), layout)
    place = frame.position(_point(transform, "off", "yx"))
    if place is None:
        place = min((position for position, _ in inner if position is not None), default=None)
    return place, [shape for _, shapes in inner for shape in shapes]


def _sorted(entries: Sequence[_Entry]) -> list[_Entry]:
    last: Position = (0, 0)
    keys: list[Position] = []
    for position, _ in entries:
        last = position or last
        keys.append(last)
    rows = _rows(sorted({top for top, _ in keys}))
    order = sorted(range(len(entries)), key=lambda n: (rows[keys[n][0]], keys[n][1]))
    return [entries[number] for number in order]


def _shapes(tree: etree._Element) -> Iterator[etree._Element]:
    """Yield shapes and groups, also those in content for newer versions of PowerPoint."""
    for shape in tree:
        name = local_name(shape)
        if name == "AlternateContent":
            chosen = chosen_content(shape)
            if chosen is not None:
                yield from _shapes(chosen)
        elif name == "grpSp" or name in _SHAPES:
            yield shape


def chosen_content(alternatives: etree._Element) -> etree._Element | None:
    """Return the content for newer versions if it shows something that is read, else the other."""
    choice, fallback = child(alternatives, "Choice"), child(alternatives, "Fallback")
    if choice is not None and next(choice.iter(*_SHOWING), None) is not None:
        return choice
    return fallback if fallback is not None else choice


def _rows(tops: Sequence[float]) -> dict[float, int]:
    """Return row numbers by top, for sorted tops; similar tops share a row."""
    numbers: dict[float, int] = {}
    row, first = 0, None
    for top in tops:
        if first is None or top - first > SAME_ROW_EMU:
            row, first = row + 1, top
        numbers[top] = row
    return numbers


def _own_position(shape: etree._Element) -> Position | None:
    is_frame = local_name(shape) == "graphicFrame"
    transform = child(shape, "xfrm") if is_frame else child(shape, "spPr", "xfrm")
    return _point(transform, "off", "yx")


def _point(transform: etree._Element | None, name: str, axes: Sequence[str]) -> Position | None:
    element = child(transform, name)
    if element is None:
        return None
    first, second = (whole_number(attribute(element, axis) or "0") for axis in axes)
    return None if first is None or second is None else (first, second)
