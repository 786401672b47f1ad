"""Charts as tables of their numbers."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ilios.engines.embedded import limits, markdown
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.numerals import unsigned

POINTS_MAX: Final = 5_000
CELLS_MAX: Final = 200_000
LEVELS_MAX: Final = 8
_EPOCH: Final = datetime.date(1899, 12, 30)
_DATES: Final = range(1, 2_958_466)
_LITERAL = re.compile(r"\"[^\"]*\"|\[[^\]]*\]|\\.")
_CATEGORY_AXES: Final = ("{*}catAx", "{*}dateAx", "{*}serAx")

Points = dict[int, str]


@dataclass(frozen=True, slots=True)
class _Column:
    """Numbers or labels of a chart, by index."""

    head: str
    points: Points


def to_markdown(chart: etree._Element) -> str:
    """Write the title and the texts of a chart, and a table with a column for each series."""
    series = list(chart.iter("{*}ser"))
    columns = _columns(chart, series) if series else _extended_columns(chart)
    del columns[limits.TABLE_MAX_COLUMNS :]
    most = min(POINTS_MAX, CELLS_MAX // max(len(columns), 1))
    indexes = sorted({index for column in columns for index in column.points})[:most]
    head = [column.head for column in columns]
    rows = [[column.points.get(index, "") for column in columns] for index in indexes]
    table = markdown.table([[markdown.escaped(cell) for cell in row] for row in [head, *rows]])
    return markdown.blocks([title(chart), *_texts(chart), table if rows else ""])


def drawn_texts(drawing: etree._Element) -> Iterator[str]:
    """Yield the texts that people drew onto a chart."""
    for body in drawing.iter("{*}txBody"):
        yield markdown.escaped_line(_text(body))


def is_cut(chart: etree._Element) -> bool:
    """Return whether a chart has more points than its table."""
    points = len({point.get("idx") for point in chart.iter("{*}pt")})
    columns = 1 + sum(1 for _ in chart.iter("{*}ser", "{*}strDim", "{*}numDim"))
    too_many = points * columns > CELLS_MAX or columns > limits.TABLE_MAX_COLUMNS
    return too_many or points > POINTS_MAX


def title(chart: etree._Element) -> str:
    return markdown.escaped_line(_text(child(chart, "chart", "title")))


def _columns(chart: etree._Element, series: Sequence[etree._Element]) -> list[_Column]:
    labels = [_points(child(each, "cat")) or _points(child(each, "xVal")) for each in series]
    filled = [each for each in labels if each]
    heads = [_text(child(each, "tx")) for each in series]
    values = [list(_values(each, head)) for each, head in zip(series, heads, strict=True)]
    if any(each != filled[0] for each in filled):  # every series has places of its own
        own = [[_Column("", label), *value] for label, value in zip(labels, values, strict=True)]
        return [column for part in own for column in part]
    shared = _Column(_category_title(chart), filled[0] if filled else {})
    return [shared, *(column for value in values for column in value)]


def _values(series: etree._Element, head: str) -> Iterator[_Column]:
    yield _Column(head, _points(child(series, "val")) or _points(child(series, "yVal")))
    sizes = _points(child(series, "bubbleSize"))
    if sizes:
        yield _Column("", sizes)


def _extended_columns(chart: etree._Element) -> list[_Column]:
    """Return the data of a funnel, waterfall, treemap or another chart of Office 2016."""
    columns: list[_Column] = []
    for dimension in chart.iter("{*}strDim", "{*}numDim"):
        points = _levels(list(children(dimension, "lvl")))
        is_label = local_name(dimension) == "strDim"
        if not is_label or not columns:  # a second one repeats the labels of the first
            columns.append(_Column("", points))
    names = [_text(child(e, "tx")) for e in chart.iter("{*}series")]
    return [
        _Column(names[place - 1] if 0 < place <= len(names) else "", column.points)
        for place, column in enumerate(columns)
    ]


def _points(source: etree._Element | None) -> Points:
    """Return the cached values of a series, by index."""
    if source is None:
        return {}
    levels = list(source.iter("{*}lvl"))
    if levels:
        return _levels(levels)
    shows_dates = any(_is_date(code.text or "") for code in source.iter("{*}formatCode"))
    return {index: _date(value) if shows_dates else value for index, value in _level_points(source)}


def _levels(levels: Sequence[etree._Element]) -> Points:
    """Join the levels of labels; an outer level stands only where its group begins."""
    if not levels:
        return {}
    inner, *outer = (dict(_level_points(level)) for level in levels[:LEVELS_MAX])
    for level in outer:
        current = ""
        for index in sorted({*inner, *level}):
            current = level.get(index, current)
            inner[index] = " / ".join(part for part in (current, inner.get(index, "")) if part)
    return inner


def _level_points(source: etree._Element) -> Iterator[tuple[int, str]]:
    for point in source.iter("{*}pt"):
        index = unsigned(attribute(point, "idx"), -1)
        if index >= 0:
            value = next((v.text for v in children(point, "v")), point.text) or ""
            yield index, _rounded(value.strip())


def _is_date(code: str) -> bool:
    """Return whether a number format shows a date."""
    bare = _LITERAL.sub("", code).casefold()
    return "y" in bare or ("d" in bare and "m" in bare)


def _date(value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return value
    if not number.is_integer() or int(number) not in _DATES:
        return value
    return (_EPOCH + datetime.timedelta(days=int(number))).isoformat()


def _rounded(value: str) -> str:
    """Round a number so that it has no noise of binary fractions."""
    try:
        return f"{float(value):.12g}" if "." in value else value
    except ValueError:
        return value


def _texts(chart: etree._Element) -> Iterator[str]:
    """Yield the titles of axes, and other texts that people wrote onto the chart."""
    own_title = child(chart, "chart", "title")
    category = next(_axis_titles(chart), None)
    shown = {_text(own_title)}
    for element in chart.iter("{*}rich"):
        text = "" if _owner(element) in (own_title, category) else _text(element)
        if text and text not in shown:
            shown.add(text)
            yield markdown.escaped_line(text)


def _owner(text: etree._Element) -> etree._Element | None:
    return next(text.iterancestors("{*}title", "{*}dLbl"), None)


def _axis_titles(chart: etree._Element) -> Iterator[etree._Element]:
    for axis in chart.iter(*_CATEGORY_AXES):
        found = child(axis, "title")
        if found is not None:
            yield found


def _category_title(chart: etree._Element) -> str:
    return _text(next(_axis_titles(chart), None))


def _text(element: etree._Element | None) -> str:
    """Return the text of a title or a name: runs of a paragraph joined, paragraphs apart."""
    if element is None:
        return ""
    paragraphs = list(element.iter("{*}p"))
    if paragraphs:
        written = ("".join(run.text or "" for run in each.iter("{*}t")) for each in paragraphs)
    else:
        written = (e.text or "" for e in element.iter("{*}t", "{*}v"))
    return " ".join(" ".join(text.split()) for text in written if text.strip())
