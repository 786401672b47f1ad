"""The numbers behind a chart, as a table."""

from __future__ import annotations

from lxml import etree

from ilios.engines.embedded.office import pptx_charts

TITLE = "<c:title><c:tx><a:t>Visits</a:t><a:t>by year</a:t></c:tx></c:title>"


def chart(content: str) -> etree._Element:
    return etree.fromstring(
        '<c:chartSpace xmlns:c="urn:chart" xmlns:a="urn:text">'
        f"<c:chart>{content}</c:chart></c:chartSpace>"
    )


def points(*values: str | None) -> str:
    """Return cached values, each at its place; None leaves a place without one."""
    return "".join(
        f'<c:pt idx="{place}"><c:v>{value}</c:v></c:pt>'
        for place, value in enumerate(values)
        if value is not None
    )


def series(name: str, *, labels: str, values: str, axes: tuple[str, str] = ("cat", "val")) -> str:
    along, up = axes
    return (
        f"<c:ser><c:tx><c:v>{name}</c:v></c:tx>"
        f"<c:{along}>{labels}</c:{along}><c:{up}>{values}</c:{up}></c:ser>"
    )


def test_each_series_is_a_column_below_the_title() -> None:
    years = points("2024", "2025")
    bars = series("North", labels=years, values=points("3", "4.5"))
    bars += series("South", labels=years, values=points("1", None))

    lines = pptx_charts.to_markdown(chart(TITLE + bars)).splitlines()

    assert lines[0] == "Visits by year"
    assert lines[2:] == [
        "|  | North | South |",
        "| --- | --- | --- |",
        "| 2024 | 3 | 1 |",
        "| 2025 | 4.5 |  |",
    ]


def test_a_scatter_chart_has_its_other_axis_as_labels() -> None:
    dots = series("Height", labels=points("1.5"), values=points("2"), axes=("xVal", "yVal"))

    assert "| 1.5 | 2 |" in pptx_charts.to_markdown(chart(dots))


def test_numbers_lose_the_noise_of_binary_fractions_and_words_stay() -> None:
    bars = series("A", labels=points("v1.0"), values=points("0.30000000000000004"))

    assert "| v1.0 | 0.3 |" in pptx_charts.to_markdown(chart(bars))


def test_a_chart_without_cached_values_is_its_title() -> None:
    assert pptx_charts.to_markdown(chart(TITLE)) == "Visits by year"
    assert pptx_charts.title(chart("")) == ""
