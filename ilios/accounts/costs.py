"""What a conversion costs, and whether its sender lets it cost that.

An engine that calls a provider is paid by the page, at the price of a model; our own is free. What
a key may spend in all is the business of ilios.accounts.quotas.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ilios.accounts.quotas import Amount
from ilios.core.conversion_errors import CostAboveLimit
from ilios.core.prices import FREE, Charge, Pricing, dollars


@dataclass(frozen=True, slots=True)
class Tariff:
    """What the pages of a document cost with one engine and model."""

    pricing: Pricing
    model: str
    is_paid: bool
    is_batch: bool = False  #: through the provider's batch lane
    is_annotated: bool = False  #: with fields by a schema

    def charge(self, pages: int) -> Charge:
        """Return what so many pages cost."""
        if not self.is_paid:
            return FREE
        return self.pricing.charge(
            pages, self.model, annotated=self.is_annotated, batch=self.is_batch
        )

    def amount(self, pages: int | None) -> Amount:
        """Return what a conversion of so many pages uses; at least one where none are counted."""
        counted = pages or 1
        return Amount(counted, self.charge(counted).total_micros)


def total(amounts: Iterable[Amount]) -> Amount:
    """Return the sum of the amounts."""
    pages = cost_micros = 0
    for amount in amounts:
        pages += amount.pages
        cost_micros += amount.cost_micros
    return Amount(pages, cost_micros)


def require_within(limit_micros: int | None, amount: Amount) -> None:
    """Raise CostAboveLimit when a document costs more than its `maxCostUsd`; None is no limit."""
    if limit_micros is None or amount.cost_micros <= limit_micros:
        return
    pages = "1 page" if amount.pages == 1 else f"{amount.pages} pages"
    raise CostAboveLimit(
        f"Converting it costs {dollars(amount.cost_micros)} or more ({pages}), and maxCostUsd is "
        f"{dollars(limit_micros)}. Nothing was charged: send a higher maxCostUsd, or select fewer "
        "pages."
    )
