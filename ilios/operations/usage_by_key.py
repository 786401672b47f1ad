"""The usage of each key by day, and what is left of its quotas.

Owners are hashes of keys and are never shown: each is named as operators know the key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from ilios.accounts import keys, quotas
from ilios.accounts.keys import ANONYMOUS, KeyState, owner_of
from ilios.db.models import ApiKey

Daily = Mapping[date, tuple[int, int]]
"""Pages and micro-dollars by UTC day."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A key, or a group of owners without one."""

    name: str
    key_state: KeyState
    key: ApiKey | None = None


FORMER_KEYS: Final = Holder("former keys", KeyState.FORMER)
NO_KEY: Final = Holder("no key", KeyState.ANONYMOUS)


@dataclass(frozen=True, slots=True)
class UsageRecords:
    """Usage by owner, at least since the beginning of the month, and what documents reserve.

    `held` are bytes stored and documents that wait.
    """

    used: Mapping[str, Daily]
    reserved: Mapping[str, tuple[int, int]]
    held: Mapping[str, tuple[int, int]]
    now: datetime

    @property
    def owners(self) -> set[str]:
        return {*self.used, *self.held}


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit in pages or micro-dollars; `reserved` by documents under way."""

    limit: int
    used: int
    reserved: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used - self.reserved)


@dataclass(frozen=True, slots=True)
class Account:
    """The usage of one holder; both tuples have an entry for each day that was asked for."""

    holder: Holder
    pages_by_day: tuple[int, ...]
    micros_by_day: tuple[int, ...]
    budget: Quota | None  #: micro-dollars of the month
    daily_pages: Quota | None
    stored_bytes: int
    waiting_documents: int

    @property
    def pages(self) -> int:
        return sum(self.pages_by_day)

    @property
    def cost_micros(self) -> int:
        return sum(self.micros_by_day)


def configured(secrets: Iterable[str]) -> dict[str, Holder]:
    """Return the keys of the settings by owner, named by their position in `API_KEY`."""
    return {
        owner_of(secret): Holder(f"API_KEY {position}", KeyState.CONFIGURED)
        for position, secret in enumerate(secrets, 1)
    }


def issued(rows: Iterable[ApiKey], now: datetime) -> dict[str, Holder]:
    """Return the keys of the database by owner."""
    return {key.owner: Holder(key.name, keys.state_of(key, now), key) for key in rows}


def holder_of(owner: str, holders: Mapping[str, Holder]) -> Holder:
    """Return the key of an owner, or the group that an owner without a known key belongs to."""
    return holders.get(owner, NO_KEY if owner == ANONYMOUS else FORMER_KEYS)


def accounts(
    holders: Mapping[str, Holder], records: UsageRecords, days: Sequence[date]
) -> list[Account]:
    """Return the accounts of all holders, and of all owners who have used or hold anything.

    The most expensive come first.
    """
    day_indexes = {day: index for index, day in enumerate(days)}
    owners: dict[Holder, list[str]] = defaultdict(list)
    for owner in {*holders, *records.owners}:
        owners[holder_of(owner, holders)].append(owner)
    found = [_account(holder, ids, records, day_indexes) for holder, ids in owners.items()]
    return sorted(found, key=lambda one: (-one.cost_micros, -one.pages, one.holder.name))


def _account(
    holder: Holder, owners: list[str], records: UsageRecords, day_indexes: Mapping[date, int]
) -> Account:
    pages, micros = [0] * len(day_indexes), [0] * len(day_indexes)
    for day, (pages_used, micros_used) in _entries(records, owners):
        if day in day_indexes:
            pages[day_indexes[day]] += pages_used
            micros[day_indexes[day]] += micros_used
    held = [records.held.get(owner, (0, 0)) for owner in owners]
    return Account(
        holder,
        pages_by_day=tuple(pages),
        micros_by_day=tuple(micros),
        budget=_budget(holder.key, records) if holder.key else None,
        daily_pages=_daily_pages(holder.key, records) if holder.key else None,
        stored_bytes=sum(stored for stored, _ in held),
        waiting_documents=sum(waiting for _, waiting in held),
    )


def _budget(key: ApiKey, records: UsageRecords) -> Quota | None:
    if key.budget_micros_month is None:
        return None
    start, end = quotas.month_of(records.now)
    spent = sum(micros for day, (_, micros) in _entries(records, [key.owner]) if start <= day < end)
    return Quota(key.budget_micros_month, spent, records.reserved.get(key.owner, (0, 0))[1])


def _daily_pages(key: ApiKey, records: UsageRecords) -> Quota | None:
    if key.pages_per_day is None:
        return None
    today, _ = quotas.day_of(records.now)
    pages, _ = records.used.get(key.owner, {}).get(today, (0, 0))
    return Quota(key.pages_per_day, pages, records.reserved.get(key.owner, (0, 0))[0])


def _entries(
    records: UsageRecords, owners: Iterable[str]
) -> Iterator[tuple[date, tuple[int, int]]]:
    for owner in owners:
        yield from records.used.get(owner, {}).items()
