"""What pages cost by engine, model and lane, and the limit that a sender sets."""

from __future__ import annotations

import pytest

from ilios.accounts import costs
from ilios.accounts.costs import Tariff
from ilios.accounts.quotas import Amount
from ilios.core.conversion_errors import CostAboveLimit
from ilios.core.prices import FREE, PriceBook, Pricing

PRICING = Pricing(PriceBook.parse(""), margin_percent=30)
MODEL = "mistral-ocr-latest"
PAID = Tariff(PRICING, MODEL, is_paid=True)
BATCH = Tariff(PRICING, MODEL, is_paid=True, is_batch=True)
ANNOTATED = Tariff(PRICING, MODEL, is_paid=True, is_annotated=True)
BOTH = Tariff(PRICING, MODEL, is_paid=True, is_batch=True, is_annotated=True)
OURS = Tariff(PRICING, "embedded", is_paid=False)


@pytest.mark.parametrize(
    ("tariff", "micros"),
    [
        (PAID, 10 * 5_200),
        (BATCH, 10 * 2_600),
        (ANNOTATED, 10 * 6_500),
        (BOTH, 10 * 3_250),
        (OURS, 0),
    ],
)
def test_pages_cost_their_price_half_in_the_batch_lane_and_nothing_with_our_engine(
    tariff: Tariff, micros: int
) -> None:
    assert tariff.amount(10) == Amount(10, micros)
    assert tariff.charge(10).total_micros == micros


def test_pages_cost_what_the_price_book_says_unless_the_engine_is_free() -> None:
    assert PAID.charge(2).base_micros == 2 * 4_000
    assert OURS.charge(2) == FREE


def test_pages_that_are_not_counted_are_at_least_one() -> None:
    assert PAID.amount(None) == PAID.amount(1)
    assert OURS.amount(None) == Amount(1, 0)


def test_amounts_are_added_up() -> None:
    assert costs.total([Amount(1, 10), Amount(2, 20)]) == Amount(3, 30)
    assert costs.total([]) == Amount(0, 0)


@pytest.mark.parametrize("limit_micros", [None, 10_400, 10_401])
def test_a_cost_up_to_the_limit_is_allowed(limit_micros: int | None) -> None:
    costs.require_within(limit_micros, PAID.amount(2))


@pytest.mark.parametrize(("pages", "said"), [(1, "1 page"), (2, "2 pages")])
def test_a_cost_above_the_limit_is_refused_with_both_amounts(pages: int, said: str) -> None:
    amount = PAID.amount(pages)

    with pytest.raises(CostAboveLimit, match=rf"\({said}\), and maxCostUsd is \$0.005\d*\."):
        costs.require_within(5_100, amount)
