"""The price book: what a page costs, by model, in micro-dollars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

UNKNOWN_MODEL: Final = "*"
BATCH_DISCOUNT: Final = 2  #: the provider's batch lane costs half
PAGE_MICROS_PER_LISTED_DOLLAR: Final = 1000  #: prices are listed in dollars for 1,000 pages
MICROS_PER_DOLLAR: Final = 1_000_000
MICROS_PER_CENT: Final = 10_000
CHARACTERS_PER_TOKEN: Final = 4  #: an estimate; OCR is billed by the page
DOLLARS_ALLOWED: Final = "dollars, as a decimal of at most six places, such as 0.25"
_DOLLARS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
DOLLARS_PATTERN: Final = f"^{_DOLLARS.pattern}$"
ALLOWED: Final = "must list model=plain/annotated, in USD for 1,000 pages, in steps of 0.002"


def micros_of(text: str) -> int:
    """Return the micro-dollars of an amount such as `0.25`.

    Raises ValueError for anything but a decimal.
    """
    if not _DOLLARS.fullmatch(text):
        raise ValueError(DOLLARS_ALLOWED)
    return int(Decimal(text) * MICROS_PER_DOLLAR)


def dollars(micros: int) -> str:
    """Write an amount for people, exact to the micro-dollar: `$0.0052`, `$25.00`."""
    whole, rest = divmod(micros, MICROS_PER_DOLLAR)
    cents, finer = divmod(rest, MICROS_PER_CENT)
    return f"${whole}.{cents:02d}" + f"{finer:04d}".rstrip("0")


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-dollars per page; both even, so that half of them is exact."""

    plain_micros: int
    annotated_micros: int


DEFAULTS: Final = {
    # The provider's list of August 2026.
    "mistral-ocr-latest": Price(4000, 5000),
    "mistral-ocr-4-1": Price(4000, 5000),
    "mistral-ocr-4-0": Price(4000, 5000),
    "mistral-ocr-2512": Price(2000, 3000),
    UNKNOWN_MODEL: Price(4000, 5000),
}


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Prices by model; `*` is the price of a model that is not listed."""

    prices: Mapping[str, Price]

    @classmethod
    def parse(cls, text: str) -> PriceBook:
        """Return the defaults, overridden by `model=plain/annotated, …`.

        Raises ValueError for anything else.
        """
        listed = (item.strip() for item in text.split(","))
        return cls({**DEFAULTS, **dict(_entry(item) for item in listed if item)})

    @property
    def models(self) -> tuple[str, ...]:
        """The models that a request may name."""
        return tuple(name for name in self.prices if name != UNKNOWN_MODEL)

    def knows(self, model: str) -> bool:
        return self._listed_as(model) != UNKNOWN_MODEL

    def page_micros(self, model: str, *, annotated: bool = False, batch: bool = False) -> int:
        """Return what the provider charges per page, in micro-dollars."""
        price = self.prices[self._listed_as(model)]
        micros = price.annotated_micros if annotated else price.plain_micros
        return micros // BATCH_DISCOUNT if batch else micros

    def _listed_as(self, model: str) -> str:
        """Return the longest listed name that the model's begins with: answers may add a suffix."""
        names = [name for name in self.prices if model.startswith(name)]
        return max(names, key=len, default=UNKNOWN_MODEL)


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call costs, in micro-dollars: a page, all pages, and all pages with the margin."""

    page_micros: int
    margin_percent: int
    base_micros: int
    total_micros: int


FREE: Final = Charge(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Pricing:
    """The price book, and the margin added to it."""

    book: PriceBook
    margin_percent: int

    def charge(
        self, pages: int, model: str, *, annotated: bool = False, batch: bool = False
    ) -> Charge:
        """Return what a call costs; the margin is rounded half up, once per call."""
        page_micros = self.book.page_micros(model, annotated=annotated, batch=batch)
        base_micros = pages * page_micros
        total_micros = (base_micros * (100 + self.margin_percent) + 50) // 100
        return Charge(page_micros, self.margin_percent, base_micros, total_micros)


def _entry(item: str) -> tuple[str, Price]:
    name, _, prices = item.partition("=")
    plain, _, annotated = prices.partition("/")
    if not name.strip() or not annotated:
        raise ValueError(ALLOWED)
    return name.strip(), Price(_micros(plain), _micros(annotated))


def _micros(dollars: str) -> int:
    try:
        micros = Decimal(dollars.strip()) * PAGE_MICROS_PER_LISTED_DOLLAR
    except InvalidOperation:
        raise ValueError(ALLOWED) from None
    if not micros.is_finite() or micros < 0 or micros % BATCH_DISCOUNT:
        raise ValueError(ALLOWED)
    return int(micros)
