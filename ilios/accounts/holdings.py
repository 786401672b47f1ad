"""Holdings: what an owner has stored and what of it waits, and how much of both it may have.

A limit is the key's own, else that of the settings. Without one in the settings, and with objects
in the data folder, a key may store half of what the volume holds for documents, as soon as there
are two keys: so one that sends without end leaves room for another. Takes a session, never commits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ScalarSelect, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute

from ilios.accounts import quotas
from ilios.core.request_errors import StorageQuotaExceeded, TooManyWaiting
from ilios.core.settings import Settings
from ilios.db.models import UNLIMITED, ApiKey, OwnerTotals
from ilios.db.owner_totals import DOCUMENT_OVERHEAD_BYTES
from ilios.db.prepared import Asked, Prepared, Runner

SHARES_OF_VOLUME: Final = 2  #: a key may take one, without a limit of its own

_KEYS: Final = select(ApiKey.id).where(ApiKey.revoked_at.is_(None)).limit(2)


def _held(column: InstrumentedAttribute[int]) -> ScalarSelect[int]:
    """Return what the rows of an owner add up to: on SQLite it has one of them, or none."""
    total = select(func.coalesce(func.sum(column), 0))
    return total.where(OwnerTotals.owner == bindparam("of_owner")).scalar_subquery()


def _limit(column: InstrumentedAttribute[int | None]) -> ScalarSelect[int | None]:
    """Return a limit of the owner's key, if it has any."""
    return select(column).where(ApiKey.owner == bindparam("of_owner")).scalar_subquery()


_HELD: Final = select(
    _held(OwnerTotals.stored_bytes),
    _held(OwnerTotals.waiting_documents),
    _limit(ApiKey.storage_bytes),
    _limit(ApiKey.waiting_documents),
    select(func.count()).select_from(_KEYS.subquery()).scalar_subquery(),
)
_OF_OWNER = Prepared(_HELD)
_OF_OWNER_WITH_QUOTA = Prepared(_HELD.add_columns(quotas.has_quota(bindparam("of_owner"))))
_ON_VOLUME: Final = Prepared(
    select(func.coalesce(func.sum(OwnerTotals.stored_bytes - OwnerTotals.announced_bytes), 0))
)
_OF_EACH: Final = (
    select(
        func.sum(OwnerTotals.stored_bytes).label("stored"),
        func.sum(OwnerTotals.waiting_documents).label("waiting"),
    )
    .group_by(OwnerTotals.owner)
    .subquery("of_each")
)
_STORED: Final = Prepared(
    select(
        func.coalesce(func.sum(_OF_EACH.c.stored), 0),
        func.coalesce(func.max(_OF_EACH.c.stored), 0),
        func.coalesce(func.sum(_OF_EACH.c.waiting), 0),
        func.coalesce(func.max(_OF_EACH.c.waiting), 0),
    )
)


@dataclass(frozen=True, slots=True)
class Standard:
    """What keys without limits of their own may hold.

    `free_bytes` are those of the volume, above its reserve; None when documents are in a bucket.
    """

    storage_bytes: int | None
    waiting_documents: int
    configured_keys: int = 0
    free_bytes: int | None = None

    @classmethod
    def of(cls, settings: Settings, free_bytes: Callable[[], int]) -> Standard:
        """Return what the settings say, beside the room in the data folder if it is used."""
        own = settings.key_storage_bytes, settings.key_waiting_documents
        return cls(*own) if settings.s3_bucket else cls(*own, len(settings.api_keys), free_bytes())


@dataclass(frozen=True, slots=True)
class Holding:
    """What an owner holds; a limit is None when there is none."""

    stored_bytes: int
    storage_limit: int | None
    waiting_documents: int
    waiting_limit: int | None

    def require_room(self, size_bytes: int, documents: int) -> None:
        """Raise StorageQuotaExceeded or TooManyWaiting when so much more is too much.

        Of bytes and documents, one that is not added to is not looked at.
        """
        if size_bytes and _is_above(self.stored_bytes + size_bytes, self.storage_limit):
            limit_bytes = self.storage_limit or 0
            raise StorageQuotaExceeded(self.stored_bytes, size_bytes, limit_bytes, documents)
        if documents and _is_above(self.waiting_documents + documents, self.waiting_limit):
            raise TooManyWaiting(self.waiting_documents, documents, self.waiting_limit or 0)


@dataclass(frozen=True, slots=True)
class Sums:
    """What all owners hold together, and the most that one of them does."""

    stored_bytes: int
    largest_stored_bytes: int
    waiting_documents: int
    largest_waiting_documents: int


def of(on: Runner, owner: str, standard: Standard) -> Holding:
    """Return what an owner holds, and what it may hold."""
    return answered(on, _OF_OWNER.all(on, of_owner=owner)[0], standard)


def asked(owner: str) -> Asked:
    """Return the question for what an owner holds, as `answered` takes it.

    Behind that, whether it has a quota.
    """
    return Asked(_OF_OWNER_WITH_QUOTA, {"of_owner": owner})


def answered(on: Runner, row: Sequence[Any], standard: Standard) -> Holding:
    """Return what a row says that answers the question."""
    stored, waiting, own_bytes, own_waiting, keys = row
    limit = own_bytes
    if own_bytes is None:
        limit = _standard_bytes(on, keys, standard)
    waiting_limit = standard.waiting_documents if own_waiting is None else own_waiting
    return Holding(stored, _finite(limit), waiting, _finite(waiting_limit))


def sums(on: Runner) -> Sums:
    """Return what there is over all owners."""
    return Sums(*_STORED.all(on)[0])


def counted_bytes(file_bytes: int) -> int:
    """Return what a document with a file of this size counts before its result is there."""
    return file_bytes + DOCUMENT_OVERHEAD_BYTES


def _standard_bytes(on: Runner, keys: int, standard: Standard) -> int | None:
    if standard.storage_bytes is not None or standard.free_bytes is None:
        return standard.storage_bytes
    if keys + standard.configured_keys < SHARES_OF_VOLUME:
        return None
    on_volume: int = _ON_VOLUME.all(on)[0][0]
    return (on_volume + standard.free_bytes) // SHARES_OF_VOLUME


def _is_above(amount: int, limit: int | None) -> bool:
    return limit is not None and amount > limit


def _finite(limit: int | None) -> int | None:
    return None if limit == UNLIMITED else limit
