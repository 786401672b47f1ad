"""Prices: what a page costs, exactly."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.api.responses.serializers import dollars
from ilios.core import prices
from ilios.core.prices import DEFAULTS, UNKNOWN_MODEL, Price, PriceBook, Pricing, micros_of

BOOK = PriceBook.parse("")
PRICING = Pricing(BOOK, margin_percent=30)


@pytest.mark.parametrize(
    ("model", "plain", "annotated", "batch"),
    [
        ("mistral-ocr-latest", 4000, 5000, 2000),
        ("mistral-ocr-4-1", 4000, 5000, 2000),
        ("mistral-ocr-4-0", 4000, 5000, 2000),
        ("mistral-ocr-2512", 2000, 3000, 1000),
    ],
)
def test_the_built_in_prices_are_those_of_the_providers_list(
    model: str, plain: int, annotated: int, batch: int
) -> None:
    assert BOOK.knows(model)
    assert BOOK.page_micros(model) == plain
    assert BOOK.page_micros(model, annotated=True) == annotated
    assert BOOK.page_micros(model, batch=True) == batch


def test_a_resolved_model_may_carry_a_suffix() -> None:
    assert BOOK.knows("mistral-ocr-2512-completion")
    assert BOOK.page_micros("mistral-ocr-2512-completion") == 2000


def test_the_longest_name_that_fits_decides() -> None:
    book = PriceBook.parse("mistral-ocr=8/8,mistral-ocr-4=6/6")
    assert book.page_micros("mistral-ocr-4-2") == 6000
    assert book.page_micros("mistral-ocr-4-1-preview") == 4000
    assert book.page_micros("mistral-ocr-3") == 8000


def test_an_unknown_model_has_the_fallback_price() -> None:
    assert not BOOK.knows("house-model")
    assert BOOK.page_micros("house-model") == DEFAULTS[UNKNOWN_MODEL].plain_micros
    assert PriceBook.parse("*=10/10").page_micros("house-model") == 10_000


def test_what_is_listed_goes_over_the_built_in_prices() -> None:
    book = PriceBook.parse(" mistral-ocr-2512 = 1.5/2.502 ,, house-model=0/0, ")

    assert book.prices["mistral-ocr-2512"] == Price(1500, 2502)
    assert book.prices["house-model"] == Price(0, 0)
    assert book.prices["mistral-ocr-4-1"] == Price(4000, 5000)
    assert set(book.models) == {*DEFAULTS, "house-model"} - {UNKNOWN_MODEL}


@pytest.mark.parametrize(
    "text",
    ["x", "x=", "x=1", "x=1/", "x=/1", "=1/1", "x=1/2/3", "x=-2/2", "x=a/b", "x=NaN/1",
     "x=Infinity/1", "x=0.001/1", "x=1/0.0019", "x=1,5/2"],
)  # fmt: skip
def test_a_price_book_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"model=plain/annotated"):
        PriceBook.parse(text)


def test_the_margin_is_added_to_what_the_provider_asks() -> None:
    charge = PRICING.charge(3, "mistral-ocr-2512")

    assert charge.page_micros == 2000
    assert charge.base_micros == 6000
    assert charge.margin_percent == 30
    assert charge.total_micros == 7800


@pytest.mark.parametrize(
    ("pages", "margin", "total"),
    [(1, 25, 3), (2, 25, 5), (1, 24, 2), (0, 30, 0), (1, 0, 2), (10**9, 30, 26 * 10**8)],
)
def test_a_call_is_rounded_half_up_once(pages: int, margin: int, total: int) -> None:
    pricing = Pricing(PriceBook.parse("x=0.002/0.002"), margin)
    assert pricing.charge(pages, "x").total_micros == total


def test_half_of_a_price_is_exact() -> None:
    book = PriceBook.parse("x=0.002/1.002")
    assert book.page_micros("x", batch=True) == 1
    assert book.page_micros("x", annotated=True, batch=True) == 501


@given(st.integers(min_value=0, max_value=10**14))
def test_dollars_in_json_are_exact_to_the_micro_dollar(micros: int) -> None:
    read = json.loads(json.dumps(dollars(micros)), parse_float=Decimal)
    assert read * 10**6 == micros


@pytest.mark.parametrize(
    ("text", "micros", "shown"),
    [
        ("0", 0, "$0.00"),
        ("25", 25_000_000, "$25.00"),
        ("0.0052", 5_200, "$0.0052"),
        ("1.500001", 1_500_001, "$1.500001"),
        ("0.10", 100_000, "$0.10"),
    ],
)
def test_amounts_are_read_and_written_to_the_micro_dollar(
    text: str, micros: int, shown: str
) -> None:
    assert micros_of(text) == micros
    assert prices.dollars(micros) == shown
