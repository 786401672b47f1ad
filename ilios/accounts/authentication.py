"""Authentication: the key that a request carries, looked up anew for each request.

So a key that is revoked ends at once.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, case, exists, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from ilios.accounts.keys import ANONYMOUS, EVERYTHING, FULL_USE, Scope, has_ended, owner_of
from ilios.core import clock
from ilios.core.errors import DatabaseBusy
from ilios.core.request_errors import InsufficientScope, KeyExpired, KeyRevoked, Unauthorized
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db.database import Database
from ilios.db.models import ApiKey
from ilios.db.opening import glancing
from ilios.db.prepared import Prepared
from ilios.db.watch import Watch

log = logs.get(__name__)

LAST_USED_SECONDS: Final = 600.0  #: between two notes of a key's use: writes are expensive

_ASKED: Final = bindparam("asked")
_BY_HASH: Final = Prepared(
    select(
        ApiKey.id,
        ApiKey.owner,
        ApiKey.scopes,
        ApiKey.requests_per_minute,
        ApiKey.expires_at,
        ApiKey.revoked_at,
        case((ApiKey.hash != _ASKED, ApiKey.previous_until)),
    ).where(or_(ApiKey.hash == _ASKED, ApiKey.previous_hash == _ASKED))
)
_OF_OWNER: Final = Prepared(
    select(ApiKey.expires_at, ApiKey.revoked_at).where(ApiKey.owner == bindparam("of_owner"))
)
_ANY: Final = Prepared(select(exists().select_from(ApiKey)))


def keys_exist(settings: Settings) -> bool:
    """Return whether a database has keys, without a connection that outlives the question."""
    with glancing(settings) as watch:
        return _any(watch)


def _any(watch: Watch) -> bool:
    ((found,),) = _ANY.all(watch)
    return bool(found)


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request, and its scopes; `key_id` is None without a key of the database."""

    owner: str
    scopes: frozenset[Scope] = FULL_USE
    key_id: str | None = None
    requests_per_minute: int | None = None

    def require(self, scope: Scope) -> None:
        """Raise InsufficientScope when the key lacks the scope."""
        if scope not in self.scopes:
            raise InsufficientScope(
                f"This key lacks the scope `{scope}`: it has {', '.join(sorted(self.scopes))}. "
                f"Use a key that has it (`ilios keys create NAME --scope {scope}`)."
            )


class Authenticator:
    """Identifies callers by the keys of the settings and those of the database."""

    def __init__(self, keys: Iterable[str], database: Database) -> None:
        self._owners = tuple(owner_of(key) for key in keys)
        self._database = database
        self._any_seen = False  #: a key of the database; its row outlives its end
        self._noted: dict[str, float] = {}

    @property
    def required(self) -> bool:
        """Whether requests need a key: from the first one on, even if all are revoked."""
        if self._owners or self._any_seen:
            return True
        with self._database.watching() as watch:
            self._any_seen = _any(watch)
        return self._any_seen

    def identify(self, key: str) -> Caller:
        """Return the caller that a key names; it is empty where a request carries none.

        Raises Unauthorized, KeyRevoked, KeyExpired.
        """
        if key:
            return self._caller(owner_of(key))
        if self.required:
            raise Unauthorized("An API key is needed: send `Authorization: Bearer <key>`.")
        return Caller(ANONYMOUS, EVERYTHING)

    def admits(self, owner: str) -> bool:
        """Return whether an owner may still send: its key is known, not revoked and not expired."""
        if owner in self._owners:
            return True
        if owner == ANONYMOUS:
            return not self.required
        with self._database.watching() as watch:
            row = _OF_OWNER.first(watch, of_owner=owner)
        if row is None:
            return False
        expires_at, revoked_at = row
        return revoked_at is None and not has_ended(expires_at, clock.now())

    def _caller(self, asked: str) -> Caller:
        # Each configured key is compared, each in constant time. The index of the database is not
        # searched in constant time, but for a hash: its bits say nothing about those of a secret.
        matches = [hmac.compare_digest(asked, owner) for owner in self._owners]
        if any(matches):
            return Caller(asked)
        with self._database.watching() as watch:
            row = _BY_HASH.first(watch, asked=asked)
        if row is not None:
            return self._of_row(*row)
        if self.required:
            raise Unauthorized("This API key is not valid.")
        return Caller(ANONYMOUS, EVERYTHING)

    def _of_row(
        self,
        key_id: str,
        owner: str,
        scopes: list[str],
        requests_per_minute: int | None,
        expires_at: datetime | None,
        revoked_at: datetime | None,
        replaced_at: datetime | None,
    ) -> Caller:
        now = clock.now()
        if revoked_at is not None:
            raise KeyRevoked(
                f"This API key was revoked at {clock.iso(revoked_at)}. Ask the operator for "
                "another one."
            )
        if expires_at is not None and has_ended(expires_at, now):
            raise KeyExpired(
                f"This API key expired at {clock.iso(expires_at)}. Ask the operator for another "
                "one, or to prolong it (`ilios keys rotate --expires`)."
            )
        if replaced_at is not None and has_ended(replaced_at, now):
            raise KeyExpired(
                f"The secret of this API key was replaced, and ended at {clock.iso(replaced_at)}. "
                "Use the new one."
            )
        self._note_use(key_id, now)
        granted = frozenset(map(Scope, scopes))
        return Caller(owner, granted, key_id, requests_per_minute)

    def _note_use(self, key_id: str, now: datetime) -> None:
        noted = self._noted.get(key_id)
        if noted is not None and time.monotonic() - noted < LAST_USED_SECONDS:
            return
        self._noted[key_id] = time.monotonic()
        try:
            with self._database.writing() as session:
                session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=now))
        except (DatabaseBusy, SQLAlchemyError) as error:  # not worth the request
            log.warning("key.use_not_noted", key_id=key_id, reason=type(error).__name__)
