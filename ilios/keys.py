"""API keys and owners: who is asking. Keys are known by their hashes only."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from ilios.errors import Unauthorized

ANONYMOUS = "anonymous"  #: owns everything while no key is configured


def owner_of(key: str) -> str:
    """The owner's name: a hash of the key, so that the key itself is nowhere in the database."""
    return hashlib.sha256(b"ilios api key\0" + key.encode()).hexdigest()


class KeyRing:
    """The configured keys."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._owners = tuple(owner_of(key) for key in keys)

    @property
    def required(self) -> bool:
        """Whether requests need a key at all."""
        return bool(self._owners)

    def identify(self, authorization: str | None) -> str:
        """The owner that an `Authorization` header speaks for.

        Every configured key is compared, each in constant time. Raises Unauthorized.
        """
        if not self._owners:
            return ANONYMOUS
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Unauthorized("An API key is needed: send `Authorization: Bearer <key>`.")
        asked = owner_of(key.strip())
        matches = [hmac.compare_digest(asked, owner) for owner in self._owners]
        if not any(matches):
            raise Unauthorized("This API key is not valid.")
        return asked
