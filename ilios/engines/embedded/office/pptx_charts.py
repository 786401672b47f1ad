"""Charts as tables of their numbers."""

from __future__ import annotations

from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import attribute, child, children, local_name

POINTS_MAX = 5_000


def to_markdown(chart: etree._Element) -> str:
    """Write the title of a chart, and a table with a column for each series."""
    series = [element for element in chart.iter() if local_name(element) == "ser"]
    columns = [_points(child(each, "val")) or _points(child(each, "yVal")) for each in series]
    labels: dict[int, str] = {}
    for each in series:
        labels = labels or _points(child(each, "cat")) or _points(child(each, "xVal"))
    indexes = sorted({index for column in [*columns, labels] for index in column})[:POINTS_MAX]
    head = ["", *(_text(child(each, "tx")) for each in series)]
    rows = [
        [labels.get(index, ""), *(column.get(index, "") for column in columns)] for index in indexes
    ]
    table = markdown.table([[markdown.escaped(cell) for cell in row] for row in [head, *rows]])
    return markdown.blocks([title(chart), table if rows else ""])


def title(chart: etree._Element) -> str:
    return markdown.escaped_line(_text(child(chart, "chart", "title")))


def _points(source: etree._Element | None) -> dict[int, str]:
    """Return the cached values of a series, by index."""
    points: dict[int, str] = {}
    for point in source.iter() if source is not None else ():
        index = attribute(point, "idx") or ""
        if local_name(point) == "pt" and index.isdigit():
            value = next((v.text for v in children(point, "v")), "") or ""
            points[int(index)] = _rounded(value)
    return points


def _rounded(value: str) -> str:
    """Round a number so that it has no noise of binary fractions."""
    try:
        return f"{float(value):.12g}" if "." in value else value
    except ValueError:
        return value


def _text(element: etree._Element | None) -> str:
    if element is None:
        return ""
    texts = [e.text or "" for e in element.iter() if local_name(e) in ("t", "v")]
    return " ".join(text.strip() for text in texts if text.strip())
