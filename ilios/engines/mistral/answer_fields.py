"""Fields of an answer, whatever stands in them: what is of another type counts as not given."""

from __future__ import annotations

from typing import Any, Final

from ilios.engines import unicode
from ilios.engines.mistral.answer_limits import SIZE_MAX
from ilios.engines.mistral.numbers import size
from ilios.engines.page_structure import Box

Size = tuple[float | None, float | None]
"""Width and height of a page, as far as they are known."""
_CORNERS: Final = ("top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y")


def text(fields: dict[str, Any], name: str, most: int | None = None) -> str:
    """Return a text; of at most so many characters: what is cut anyway need not be looked at."""
    value = fields.get(name)
    return unicode.storable(value[:most]) if isinstance(value, str) else ""


def items(fields: dict[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    return value if isinstance(value, list) else []


def objects(fields: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects of a list; what else stands in it is left out."""
    return [item for item in items(fields, name) if isinstance(item, dict)]


def inner(fields: dict[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def size_of(page: dict[str, Any]) -> Size:
    dimensions = inner(page, "dimensions")
    return size(dimensions.get("width")), size(dimensions.get("height"))


def box(fields: dict[str, Any], page: Size) -> Box | None:
    """Return the part of a box that lies on its page; None without an area there."""
    left, top, right, bottom = (size(fields.get(corner)) for corner in _CORNERS)
    if left is None or top is None or right is None or bottom is None:
        return None
    width, height = (SIZE_MAX if side is None else side for side in page)
    clipped = max(0.0, left), max(0.0, top), min(right, width), min(bottom, height)
    return clipped if clipped[0] < clipped[2] and clipped[1] < clipped[3] else None
