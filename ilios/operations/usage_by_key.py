"""What each key has used by day, and what it may still use.

Owners are hashes, which are shown to nobody: whoever owns something is named as operators know him.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from ilios.accounts import keys, quotas
from ilios.accounts.keys import ANONYMOUS, owner_of
from ilios.db.models import ApiKey

Daily = Mapping[date, tuple[int, int]]
"""Pages and micro-dollars by UTC day."""


class KeyState(StrEnum):
    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CONFIGURED = "configured"  #: a key of `API_KEY`
    ANONYMOUS = "anonymous"  #: whoever came while no key was configured
    FORMER = "former"  #: of keys that were in `API_KEY` once, all together


@dataclass(frozen=True, slots=True)
class Holder:
    """A key, or what stands for one."""

    name: str
    standing: KeyState
    key: ApiKey | None = None


FORMER: Final = Holder("former keys", KeyState.FORMER)
NOBODY: Final = Holder("no key", KeyState.ANONYMOUS)


@dataclass(frozen=True, slots=True)
class Books:
    """What owners have used, at least since the month began, and what they reserve."""

    used: Mapping[str, Daily]
    reserved: Mapping[str, tuple[int, int]]
    now: datetime


@dataclass(frozen=True, slots=True)
class Quota:
    """Pages or micro-dollars; `reserved` by documents under way."""

    limit: int
    used: int
    reserved: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used - self.reserved)


@dataclass(frozen=True, slots=True)
class Account:
    """`pages_by_day` and `micros_by_day` go with the days that were asked for."""

    holder: Holder
    pages_by_day: tuple[int, ...]
    micros_by_day: tuple[int, ...]
    budget: Quota | None  #: micro-dollars of the month
    daily_pages: Quota | None

    @property
    def pages(self) -> int:
        return sum(self.pages_by_day)

    @property
    def cost_micros(self) -> int:
        return sum(self.micros_by_day)


def configured(secrets: Iterable[str]) -> dict[str, Holder]:
    """The keys of the settings by owner, named by their place in `API_KEY`."""
    return {
        owner_of(secret): Holder(f"API_KEY {place}", KeyState.CONFIGURED)
        for place, secret in enumerate(secrets, 1)
    }


def issued(rows: Iterable[ApiKey], now: datetime) -> dict[str, Holder]:
    """The keys of the database by owner."""
    return {key.owner: Holder(key.name, _standing(key, now), key) for key in rows}


def accounts(holders: Mapping[str, Holder], books: Books, days: Sequence[date]) -> list[Account]:
    """Those of all holders, and of whoever else has used something: the dearest first."""
    places = {day: place for place, day in enumerate(days)}
    owners: dict[Holder, list[str]] = defaultdict(list)
    for owner in {*holders, *books.used}:
        owners[holders.get(owner, NOBODY if owner == ANONYMOUS else FORMER)].append(owner)
    found = [_account(holder, theirs, books, places) for holder, theirs in owners.items()]
    return sorted(found, key=lambda one: (-one.cost_micros, -one.pages, one.holder.name))


def _account(
    holder: Holder, owners: list[str], books: Books, places: Mapping[date, int]
) -> Account:
    pages, micros = [0] * len(places), [0] * len(places)
    for day, (pages_used, micros_used) in _entries(books, owners):
        if day in places:
            pages[places[day]] += pages_used
            micros[places[day]] += micros_used
    return Account(
        holder,
        pages_by_day=tuple(pages),
        micros_by_day=tuple(micros),
        budget=_budget(holder.key, books) if holder.key else None,
        daily_pages=_daily_pages(holder.key, books) if holder.key else None,
    )


def _budget(key: ApiKey, books: Books) -> Quota | None:
    if key.budget_micros_month is None:
        return None
    start, end = quotas.month_of(books.now)
    spent = sum(micros for day, (_, micros) in _entries(books, [key.owner]) if start <= day < end)
    return Quota(key.budget_micros_month, spent, books.reserved.get(key.owner, (0, 0))[1])


def _daily_pages(key: ApiKey, books: Books) -> Quota | None:
    if key.pages_per_day is None:
        return None
    today, _ = quotas.day_of(books.now)
    pages, _ = books.used.get(key.owner, {}).get(today, (0, 0))
    return Quota(key.pages_per_day, pages, books.reserved.get(key.owner, (0, 0))[0])


def _entries(books: Books, owners: Iterable[str]) -> Iterator[tuple[date, tuple[int, int]]]:
    for owner in owners:
        yield from books.used.get(owner, {}).items()


def _standing(key: ApiKey, now: datetime) -> KeyState:
    if key.revoked_at is not None:
        return KeyState.REVOKED
    return KeyState.EXPIRED if keys.has_expired(key, now) else KeyState.LIVE
