"""Positions of the shapes on a slide, and the reading order that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import Archive, attribute, child, local_name
from ilios.engines.embedded.office.pptx_text import placeholder

SAME_ROW_EMU: Final = 300_000
"""Shapes whose tops differ by less than 8 mm are read from left to right."""


@dataclass(slots=True)
class ShapePositions:
    """Finds positions (top, left) of shapes, also those inherited from the slide's layout."""

    _inherited: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of_slide(cls, archive: Archive, targets: dict[str, tuple[str, bool]]) -> ShapePositions:
        positions = cls()
        part = next((t for t, _ in targets.values() if "/slideLayouts/" in t), "")
        tree = child(archive.optional_xml(part), "cSld", "spTree")
        for shape in tree if tree is not None else ():
            own = _own_position(shape)
            if own is not None and placeholder(shape):
                positions._inherited[placeholder(shape), _index(shape)] = own
        return positions

    def in_reading_order(self, shapes: Sequence[etree._Element]) -> list[etree._Element]:
        """Sort from top to bottom, then left to right; without a position, keep the order."""
        found = [self._position(shape) for shape in shapes]
        last = (0, 0)
        keys: list[tuple[int, int]] = []
        for position in found:
            last = position or last
            keys.append(last)
        rows = _rows(sorted({top for top, _ in keys}))
        order = sorted(range(len(shapes)), key=lambda n: (rows[keys[n][0]], keys[n][1]))
        return [shapes[number] for number in order]

    def _position(self, shape: etree._Element) -> tuple[int, int] | None:
        own = _own_position(shape)
        if own is not None:
            return own
        kind, index = placeholder(shape), _index(shape)
        matches = [p for (k, i), p in self._inherited.items() if i == index and i] or [
            p for (k, _), p in self._inherited.items() if k == kind
        ]
        return matches[0] if matches else None


def _rows(tops: Sequence[int]) -> dict[int, int]:
    """Return row numbers by top, for sorted tops; similar tops share a row."""
    numbers: dict[int, int] = {}
    row, first = 0, None
    for top in tops:
        if first is None or top - first > SAME_ROW_EMU:
            row, first = row + 1, top
        numbers[top] = row
    return numbers


def _own_position(shape: etree._Element) -> tuple[int, int] | None:
    transform = child(shape, "spPr", "xfrm")
    if local_name(shape) == "graphicFrame":
        transform = child(shape, "xfrm")
    offset = child(transform, "off")
    if offset is None:
        return None
    try:
        return int(attribute(offset, "y") or 0), int(attribute(offset, "x") or 0)
    except ValueError:
        return None


def _index(shape: etree._Element) -> str:
    for element in shape.iter():
        if local_name(element) == "ph":
            return attribute(element, "idx") or ""
    return ""
