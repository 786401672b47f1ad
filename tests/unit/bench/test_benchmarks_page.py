"""The page and the plots that `make bench` writes."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench.benchmarks_page import Against, Benchmarks
from bench.plots import bars, number


def a_run() -> Benchmarks:
    return Benchmarks(
        machine="2 cores",
        form="the long form",
        limits={"commits": 4000.0},
        reads={"/health": [1000.0, 1100.0, 900.0], "bare Flask view": [2000.0, 2000.0, 2000.0]},
        bounded=[Against("`/health`", [1000.0, 1100.0, 900.0], "a bare view", [2000.0])],
        cpu_ms={"queue, a folder": [12.0, 13.0, 11.0]},
        queues={"one call of 0 ms": {"Ilios": 60.0, "huey": 120.0}},
        conversions=[Against("`.pdf`", [30.0], "markitdown", [60.0], " ms")],
        printed={"python -m bench.idle": "ready after 2 s\n"},
        missing={"dramatiq": "redis-server is not installed"},
    )


@pytest.mark.parametrize(
    "expected",
    [
        "| `/health` | 1,000 (900–1,100)/s | a bare view: 2,000/s | 0.50 |",
        "| queue, a folder | 12.0 (11.0–13.0) ms |",
        "| huey | 120/s | 0.50 |",
        "| `.pdf` | 30.0 ms | markitdown: 60.0 ms | 0.50 |",
        "```text\nready after 2 s\n```",
        "- dramatiq: redis-server is not installed",
    ],
)
def test_the_page_has_medians_ratios_and_what_is_missing(expected: str) -> None:
    assert expected in a_run().page()


def test_the_page_shows_each_plot_that_is_drawn() -> None:
    run = a_run()

    drawn = [name for name, _ in run.plots()]

    assert drawn == ["reads", "processor-time", "queue-one-call-of-0-ms"]
    assert all(f"(benchmarks/{name}.svg)" in run.page() for name in drawn)


def test_a_run_in_which_nothing_succeeded_still_has_a_page() -> None:
    page = Benchmarks("2 cores", "the long form", missing={"reads": "OSError"}).page()

    assert "- reads: OSError" in page


def test_a_plot_is_xml_whose_longest_bar_is_the_greatest_figure() -> None:
    drawing = bars("A < B", {"ours": 1, "other": 4}, ours="ours", unit="/s")

    root = ElementTree.fromstring(drawing)  # noqa: S314  # our own
    _, *drawn = root.iter("{http://www.w3.org/2000/svg}rect")
    widths = [int(bar.attrib["width"]) for bar in drawn]
    assert widths[1] == pytest.approx(4 * widths[0], abs=3)


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (56.66, "56.7"), (0.5, "0.50"), (0.0891, "0.089")]
)
def test_a_figure_has_three_digits_that_mean_something(value: float, text: str) -> None:
    assert number(value) == text
