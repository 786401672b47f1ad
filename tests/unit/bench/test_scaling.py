"""docs/scaling.md has what its model makes of the figures that other pages have today."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from bench import scaling
from bench.scaling import FIGURES, Model, Prices


@pytest.fixture(scope="module")
def model() -> Model:
    return scaling.read()


def test_the_page_has_the_tables_that_its_inputs_give() -> None:
    text = scaling.PAGE.read_text()

    assert text == scaling.page(text)  # else: python -m bench.scaling


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_stands_on_the_page_that_is_named(name: str) -> None:
    assert FIGURES[name].read() > 0


def test_a_figure_that_is_gone_is_named() -> None:
    gone = dataclasses.replace(FIGURES["most"], pattern="^no such row$")

    with pytest.raises(ValueError, match=r"docs/benchmarks\.md has no longer: Documents a second"):
        gone.read()


def test_ten_times_the_documents_need_ten_times_as_much(model: Model) -> None:
    for figure in ("provider_ms", "pdf_ms", "submit_ms", "claim_ms"):
        assert model.cores(10.0, figure) == pytest.approx(10 * model.cores(1.0, figure))
    assert model.calls(10.0) == pytest.approx(10 * model.calls(1.0))
    assert model.stored_bytes(10) == pytest.approx(10 * model.stored_bytes(1))


def test_it_says_no_more_of_one_node_than_was_measured(model: Model) -> None:
    # 16 calls of 1 s: what `make bench` had in flight, and the rate that it saw.
    rate = 16 * model.figures["share"]

    assert model.calls(rate) == pytest.approx(16)
    # All of its work within the two cores that it had.
    assert model.cores(model.figures["most"], "provider_ms") < 2 * 1.5


def test_known_prices_are_summed_and_others_are_left_out() -> None:
    model = Model(dict.fromkeys(FIGURES, 1.0) | {"provider_ms": 36.0, "thousand_pages_usd": 4.0})

    assert next(scaling.costs(model, Prices())) == ("100,000 documents a day: $400 (Mistral $400)")
    assert next(scaling.costs(model, Prices(core_hour=0.5, thousand_puts=0.01))) == (
        "100,000 documents a day: $402 (Mistral $400, cores $0.500, puts $1)"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (100_000, "100,000"), (1.1574, "1.16"), (11.574, "11.6"), (115.74, "116"),
        (1157.4, "1,160"), (0.017361, "0.0174"), (2.0, "2"), (38.0, "38"), (0.97, "0.970"),
        (12_528_000.4, "12,500,000"), (2_681_856.0, "2,680,000"),
    ],
)  # fmt: skip
def test_figures_have_three_digits(value: float, text: str) -> None:
    assert scaling.number(value) == text


def test_what_is_not_measured_yet_is_no_number(model: Model) -> None:
    unmeasured = dataclasses.replace(model, database_ms=None)

    row = "| Cores of PostgreSQL, for the queue |" + " not measured yet |" * 4

    assert row in scaling.scale(unmeasured).splitlines()
    assert "PostgreSQL for a document" not in scaling.measured(unmeasured)
    assert "core of PostgreSQL" not in scaling.bounds(unmeasured)


def test_costs_of_the_database_are_taken_in_once_they_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = {"enqueue": 1.0, "look": 9.0, "claim": 0.5, "claim_job": 0.1, "work": 0.4, "renew": 9.0}
    (tmp_path / "costs.json").write_text(json.dumps({"milliseconds": costs}))
    monkeypatch.setattr(scaling, "QUEUE_COSTS", tmp_path / "costs.json")

    model = scaling.read()

    assert model.database_ms == pytest.approx(2.0)
    assert "| Cores of PostgreSQL, for the queue | 0.00231 | 0.0231 | 0.231 | 2.31 |" in (
        scaling.scale(model).splitlines()
    )
    assert "| One core of PostgreSQL, with the queue alone | 43,200,000 | 432 × |" in (
        scaling.bounds(model)
    )
