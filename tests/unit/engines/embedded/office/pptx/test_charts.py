"""The numbers behind a chart, as a table."""

from __future__ import annotations

from lxml import etree

from ilios.engines.embedded.office.pptx import charts

TITLE = (
    "<c:title><c:tx><c:rich><a:p><a:r><a:t>Vis</a:t></a:r><a:r><a:t>its</a:t></a:r></a:p>"
    "<a:p><a:r><a:t>by year</a:t></a:r></a:p></c:rich></c:tx></c:title>"
)


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

    lines = charts.to_markdown(chart(TITLE + bars)).splitlines()

    assert lines[0] == "Visits by year"
    assert lines[2:] == [
        "|  | North | South |",
        "| --- | --- | --- |",
        "| 2024 | 3 | 1 |",
        "| 2025 | 4.5 |  |",
    ]


def test_a_scatter_chart_has_its_other_axis_as_labels() -> None:
    dots = series("Height", labels=points("1.5"), values=points("2"), axes=("xVal", "yVal"))

    assert "| 1.5 | 2 |" in charts.to_markdown(chart(dots))


def test_numbers_lose_the_noise_of_binary_fractions_and_words_stay() -> None:
    bars = series("A", labels=points("v1.0"), values=points("0.30000000000000004"))

    assert "| v1.0 | 0.3 |" in charts.to_markdown(chart(bars))


def test_a_chart_without_cached_values_is_its_title() -> None:
    assert charts.to_markdown(chart(TITLE)) == "Visits by year"
    assert charts.title(chart("")) == ""


def axis(name: str, title: str) -> str:
    return (
        f"<c:{name}><c:title><c:tx><c:rich><a:p><a:r><a:t>{title}</a:t></a:r></a:p></c:rich>"
        f"</c:tx></c:title></c:{name}>"
    )


def test_titles_of_axes_stand_at_the_labels_and_below_the_title() -> None:
    bars = series("North", labels=points("2024"), values=points("3"))
    axes = axis("catAx", "Year") + axis("valAx", "Guests in thousands")

    assert charts.to_markdown(chart(TITLE + bars + axes)) == (
        "Visits by year\n\nGuests in thousands\n\n| Year | North |\n| --- | --- |\n| 2024 | 3 |"
    )


def test_dots_that_stand_elsewhere_in_each_series_keep_their_places() -> None:
    axes = ("xVal", "yVal")
    dots = series("A", labels=points("1"), values=points("10"), axes=axes)
    dots += series("B", labels=points("7"), values=points("20"), axes=axes)

    assert charts.to_markdown(chart(dots)).splitlines()[2] == "| 1 | 10 | 7 | 20 |"


def test_bubbles_keep_their_size() -> None:
    dots = series("A", labels=points("1"), values=points("2"), axes=("xVal", "yVal"))
    dots = dots.replace("</c:ser>", f"<c:bubbleSize>{points('30')}</c:bubbleSize></c:ser>")

    assert charts.to_markdown(chart(dots)).endswith("| 1 | 2 | 30 |")


def test_labels_that_are_dates_and_labels_on_two_levels_can_be_read() -> None:
    dates = "<c:formatCode>d/m/yyyy</c:formatCode>" + points("45000", "45001.5")
    levels = f"<c:lvl>{points('Q1', 'Q2')}</c:lvl><c:lvl>{points('2024')}</c:lvl>"

    by_date = charts.to_markdown(chart(series("A", labels=dates, values=points("1", "2"))))
    by_level = charts.to_markdown(chart(series("A", labels=levels, values=points("1", "2"))))

    assert by_date.splitlines()[2:] == ["| 2023-03-15 | 1 |", "| 45001.5 | 2 |"]
    assert by_level.splitlines()[2:] == ["| 2024 / Q1 | 1 |", "| 2024 / Q2 | 2 |"]


def test_a_chart_of_the_newer_kind_gives_its_data() -> None:
    data = (
        '<c:strDim type="cat"><c:lvl><c:pt idx="0">Asked</c:pt><c:pt idx="1">Paid</c:pt></c:lvl>'
        '</c:strDim><c:numDim type="val"><c:lvl><c:pt idx="0">90</c:pt><c:pt idx="1">12</c:pt>'
        "</c:lvl></c:numDim>"
    )

    assert charts.to_markdown(chart(TITLE + data)).splitlines()[2:] == [
        "| Asked | 90 |",
        "| --- | --- |",
        "| Paid | 12 |",
    ]


def test_a_chart_longer_than_its_table_says_so() -> None:
    many = points(*map(str, range(charts.POINTS_MAX + 1)))

    assert charts.is_cut(chart(series("A", labels="", values=many)))
    assert not charts.is_cut(chart(TITLE))
