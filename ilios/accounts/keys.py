"""API keys: their scopes, secrets and states. Takes a session, never commits.

A key is known by the hash of its secret only. What it owns belongs to the key and not to its
secret, so that a new secret finds everything.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import BindParameter, ColumnElement, bindparam, func, select, update
from sqlalchemy.orm import Session

from ilios.accounts.errors import KeyAlreadyRevoked, KeyNameTaken, KeyNotRotatable, UnknownKey
from ilios.core import clock, ids
from ilios.db.models import ApiKey
from ilios.db.prepared import Prepared

ANONYMOUS: Final = "anonymous"  #: the owner of everything while no key is configured
SECRET_BYTES: Final = 32
SECRET_MARK: Final = "ilios_"  # noqa: S105  #: so that scanners of repositories recognise one
PREFIX_LENGTH: Final = 12  #: of a secret, shown to tell it from others: 36 of its 256 bits
ROTATION_PAUSE: Final = timedelta(seconds=60)
"""Two operators who rotate a key at once would lock each other out: the second is refused."""


class Scope(StrEnum):
    """What a key may be used for."""

    CONVERT = "convert"  #: send documents; cancel, retry and delete its own
    READ = "read"  #: status, results and usage of its own documents
    ADMIN = "admin"  #: operate the service; not its documents


FULL_USE: Final = frozenset({Scope.CONVERT, Scope.READ})
"""What the keys of `API_KEY` may do: they are those of clients, who need not know each other."""
EVERYTHING: Final = frozenset(Scope)
"""What every caller may do while there is no key at all."""


class KeyState(StrEnum):
    """Whether a key is in force, and what stands in the place of one."""

    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CONFIGURED = "configured"  #: a key of `API_KEY`
    ANONYMOUS = "anonymous"  #: callers while no key was configured
    FORMER = "former"  #: of keys that were in `API_KEY` once, all together


@dataclass(frozen=True, slots=True)
class Terms:
    """The properties of a new key.

    None is unlimited, and of bytes and documents what the settings say.
    """

    name: str
    scopes: frozenset[Scope] = FULL_USE
    expires_at: datetime | None = None
    requests_per_minute: int | None = None
    pages_per_day: int | None = None
    budget_micros_month: int | None = None
    storage_bytes: int | None = None
    waiting_documents: int | None = None
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a key may hold: None is what the settings say, UNLIMITED is without a limit."""

    storage_bytes: int | None
    waiting_documents: int | None


def owner_of(key: str) -> str:
    """Return the hash of a key, which stands in the database in its place.

    One round of SHA-256 is enough: a secret of ours has 256 random bits, which cannot be guessed
    however fast the hash is. For a key of `API_KEY`, it is the owner too.
    """
    return hashlib.sha256(b"ilios api key\0" + key.encode()).hexdigest()


def new_secret() -> str:
    """Draw a secret of 256 random bits; it is shown once and stored nowhere."""
    return SECRET_MARK + secrets.token_urlsafe(SECRET_BYTES)


def create(session: Session, terms: Terms, secret: str, now: datetime) -> ApiKey:
    """Insert a key. Raises KeyNameTaken."""
    if _unrevoked(session, terms.name) is not None:
        raise KeyNameTaken(
            f"There is a key {terms.name!r} already. Choose another name, or revoke that one "
            f"first: `ilios keys revoke {terms.name}`."
        )
    key = ApiKey(
        id=ids.new_id(),
        name=terms.name,
        owner=secrets.token_hex(SECRET_BYTES),
        hash=owner_of(secret),
        prefix=secret[:PREFIX_LENGTH],
        scopes=sorted(terms.scopes),
        requests_per_minute=terms.requests_per_minute,
        pages_per_day=terms.pages_per_day,
        budget_micros_month=terms.budget_micros_month,
        storage_bytes=terms.storage_bytes,
        waiting_documents=terms.waiting_documents,
        created_at=now,
        expires_at=terms.expires_at,
        webhook_url=terms.webhook_url,
    )
    session.add(key)
    return key


def rotate(
    session: Session,
    reference: str,
    secret: str,
    now: datetime,
    *,
    grace: timedelta = timedelta(0),
    expires_at: datetime | None = None,
) -> ApiKey:
    """Give a key a new secret; the previous one remains valid for the grace period.

    `expires_at` replaces the key's own when it is given. Raises UnknownKey, KeyAlreadyRevoked,
    KeyNotRotatable.
    """
    key = named(session, reference)
    if key.rotated_at is not None and now - key.rotated_at < ROTATION_PAUSE:
        raise KeyNotRotatable(
            f"{key.name} was rotated {(now - key.rotated_at).seconds} s ago, and whoever did that "
            f"has its secret. To rotate it once more, wait "
            f"{ROTATION_PAUSE.seconds - (now - key.rotated_at).seconds} s."
        )
    key.expires_at = expires_at or key.expires_at
    if has_ended(key.expires_at, now):
        raise KeyNotRotatable(
            f"{key.name} has expired, so that no secret of it would work. Say until when it is to "
            "work, for example with --expires 90d."
        )
    key.previous_hash = key.hash if grace else None
    key.previous_until = now + grace if grace else None
    key.hash, key.prefix, key.rotated_at = owner_of(secret), secret[:PREFIX_LENGTH], now
    return key


def limit(session: Session, reference: str, change: Callable[[Limits], Limits]) -> ApiKey:
    """Change what a key may hold. Raises UnknownKey, KeyAlreadyRevoked."""
    key = named(session, reference)
    changed = change(Limits(key.storage_bytes, key.waiting_documents))
    key.storage_bytes, key.waiting_documents = changed.storage_bytes, changed.waiting_documents
    return key


def revoke(session: Session, reference: str, now: datetime) -> ApiKey:
    """End a key for good, with all of its secrets. Raises UnknownKey, KeyAlreadyRevoked."""
    key = named(session, reference)
    key.revoked_at = now
    return key


def revoke_expired(session: Session, before: datetime, now: datetime) -> int:
    """Revoke the keys that expired before then, which frees their names; return how many."""
    ended = session.execute(
        update(ApiKey).where(*_expired(before)).values(revoked_at=now).returning(ApiKey.id)
    )
    return len(ended.all())


def expired_count(session: Session, before: datetime) -> int:
    """Return how many keys that are not revoked expired before then."""
    ((count,),) = _EXPIRED_COUNT.all(session, moment=before)
    return int(count)


def listed(session: Session, *, revoked: bool = False) -> Sequence[ApiKey]:
    """Return the keys in the order of their creation; revoked ones only if asked for."""
    keys = select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)
    return session.scalars(keys if revoked else keys.where(ApiKey.revoked_at.is_(None))).all()


def named(session: Session, reference: str) -> ApiKey:
    """Return the key of this name or id. Raises UnknownKey, or KeyAlreadyRevoked."""
    key = _unrevoked(session, reference)
    if key is not None:
        return key
    of_reference = (ApiKey.name == reference) | (ApiKey.id == reference)
    revoked = session.scalar(
        select(ApiKey).where(of_reference).order_by(ApiKey.revoked_at.desc()).limit(1)
    )
    if revoked is None or revoked.revoked_at is None:
        raise UnknownKey(reference)
    raise KeyAlreadyRevoked(
        f"{revoked.name} was revoked at {clock.iso(revoked.revoked_at)}, which is final. "
        "Create a new key instead: `ilios keys create`."
    )


def state_of(key: ApiKey, now: datetime) -> KeyState:
    """Return live, expired or revoked."""
    if key.revoked_at is not None:
        return KeyState.REVOKED
    return KeyState.EXPIRED if has_ended(key.expires_at, now) else KeyState.LIVE


def has_ended(moment: datetime | None, now: datetime) -> bool:
    """Return whether a key or a secret that ends at this moment has ended; None is never."""
    return moment is not None and moment <= now


def _expired(before: datetime | BindParameter[datetime]) -> tuple[ColumnElement[bool], ...]:
    return ApiKey.revoked_at.is_(None), ApiKey.expires_at < before


_EXPIRED_COUNT = Prepared(
    select(func.count()).select_from(ApiKey).where(*_expired(bindparam("moment")))
)


def _unrevoked(session: Session, reference: str) -> ApiKey | None:
    """Return the key of this name, else of this id, that is not revoked."""
    unrevoked = select(ApiKey).where(ApiKey.revoked_at.is_(None))
    by_name = session.scalar(unrevoked.where(ApiKey.name == reference))
    return by_name or session.scalar(unrevoked.where(ApiKey.id == reference))
