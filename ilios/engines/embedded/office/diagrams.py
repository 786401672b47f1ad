"""SmartArt diagrams as lists of their texts."""

from __future__ import annotations

from collections import defaultdict

from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import attribute, child, children
from ilios.engines.embedded.numerals import unsigned

DEPTH_MAX = 8


def to_markdown(model: etree._Element) -> str:
    """Write the texts of a diagram's data as a list, nested as the diagram is."""
    points = {attribute(p, "modelId") or "": p for p in model.iter("{*}pt")}
    below = _children_by_parent(model)
    inner = {each for listed in below.values() for each in listed}
    stack = [(point, 0) for point in reversed(points) if point not in inner]
    seen: set[str] = set()
    items: list[str] = []
    while stack:
        point, depth = stack.pop()
        if point in seen:
            continue
        seen.add(point)
        text = _text(points.get(point))
        if text:
            items.append(markdown.list_item(min(depth, DEPTH_MAX), "-", text))
        deeper = depth + bool(text)
        stack += [(each, deeper) for each in reversed(below.get(point, ()))]
    unread = (_text(points[point]) for point in points if point not in seen)
    return markdown.blocks([*items, *(markdown.list_item(0, "-", t) for t in unread if t)])


def _children_by_parent(model: etree._Element) -> dict[str, list[str]]:
    placed: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for link in model.iter("{*}cxn"):
        if attribute(link, "type") in (None, "parOf"):
            parent, place = attribute(link, "srcId") or "", unsigned(attribute(link, "srcOrd"), 0)
            placed[parent].append((place, attribute(link, "destId") or ""))
    return {
        parent: [point for _, point in sorted(listed, key=lambda each: each[0])]
        for parent, listed in placed.items()
    }


def _text(point: etree._Element | None) -> str:
    """Return the text of a point: its paragraphs as lines."""
    body = child(point, "t")
    lines = [
        "".join(text.text or "" for text in paragraph.iter("{*}t")).strip()
        for paragraph in (children(body, "p") if body is not None else ())
    ]
    return markdown.HARD_BREAK.join(markdown.escaped_line(line) for line in lines if line)
