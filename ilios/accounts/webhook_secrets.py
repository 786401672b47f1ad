"""What signs the events of a key: a secret of its own, else that of the settings.

A secret of a key is derived from a key of the data folder, so that neither the database nor a copy
of it has one; the row has a hash of the one in use, by which a lost key is noticed. Functions that
take a session never commit.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ilios.accounts import keys
from ilios.core import data_folder, key_files
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.core.settings.webhooks import SECRET_MARK, secret_bytes
from ilios.core.webhook_errors import WebhookSecretMissing
from ilios.db.models import ApiKey
from ilios.db.prepared import Prepared, Runner

CONSEQUENCE: Final = "keys need new webhook secrets (`ilios keys webhook KEY --secret new`)"
_PURPOSE: Final = "ilios webhook secret"
_OF_OWNER = Prepared(
    select(
        ApiKey.id,
        ApiKey.webhook_secrets,
        ApiKey.webhook_secret_hash,
        ApiKey.revoked_at,
    ).where(ApiKey.owner == bindparam("of_owner"))
)
_URL_OF = Prepared(select(ApiKey.webhook_url).where(ApiKey.owner == bindparam("of_owner")))


class Unsigned(StrEnum):
    """Why an event cannot be signed."""

    NO_SECRET = "secret_missing"  # noqa: S105  #: the key has none, and neither have the settings
    LOST_KEY = "secret_lost"  #: the data folder's key is not the one that it was derived from
    REVOKED = "key_revoked"  #: nothing is sent for such a key any more; final


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of a key's webhook; what is not set stays."""

    sets_url: bool = False
    url: str | None = None
    sets_secret: bool = False
    new_secret: bool = False  #: else it has none any more


def derived(instance_key: bytes, key_id: str, number: int) -> str:
    """Return the secret of a key: `number` is how many were made for it."""
    purpose = f"{_PURPOSE}\0{key_id}\0{number}".encode()
    digest = hmac.digest(instance_key, purpose, "sha256")
    return SECRET_MARK + base64.b64encode(digest).decode()


def hash_of(secret: str) -> str:
    """Return what stands in the database in place of a secret, which has 256 random bits."""
    return hashlib.sha256(f"{_PURPOSE}\0{secret}".encode()).hexdigest()


def renew(key: ApiKey, instance_key: bytes) -> str:
    """Give a key of an open session another secret, and return that."""
    key.webhook_secrets = (key.webhook_secrets or 0) + 1
    secret = derived(instance_key, key.id, key.webhook_secrets)
    key.webhook_secret_hash = hash_of(secret)
    return secret


def change(
    session: Session, reference: str, wanted: Change, settings: Settings
) -> tuple[ApiKey, str | None]:
    """Change a key's webhook; return it, with its secret if that is new.

    Raises UnknownKey, KeyAlreadyRevoked, and WebhookSecretMissing when it would have an address
    and nothing to sign with.
    """
    key = keys.named(session, reference)
    secret = None
    if wanted.sets_secret and wanted.new_secret:
        secret = renew(key, instance_key(settings))
    elif wanted.sets_secret:
        key.webhook_secret_hash = None
    if wanted.sets_url:
        key.webhook_url = wanted.url
    if key.webhook_url and not key.webhook_secret_hash and settings.webhook_secret is None:
        raise WebhookSecretMissing
    return key, secret


def instance_key(settings: Settings) -> bytes:
    """Return the data folder's key, made at first use. Raises StartupError."""
    return key_files.read_or_create(data_folder.webhook_key(settings), CONSEQUENCE)


def url_of(on: Runner, owner: str) -> str | None:
    """Return where events of a key go that has an address of its own."""
    found = _URL_OF.first(on, of_owner=owner)
    return found[0] if found else None


def require(on: Runner, owner: str, settings: Settings) -> None:
    """Raise WebhookSecretMissing when there is nothing to sign the events of an owner with."""
    found = _OF_OWNER.first(on, of_owner=owner)
    if settings.webhook_secret is None and (found is None or found[2] is None):
        raise WebhookSecretMissing


class SigningKeys:
    """The keys that events are signed with, for the threads of a process."""

    def __init__(self, settings: Settings) -> None:
        """Make the data folder's key if it is not there: made by `ilios keys`, it may be root's."""
        with suppress(StartupError):  # `ilios doctor` says it, and what needs it cannot be sent
            instance_key(settings)
        configured = settings.webhook_secret
        self._configured = secret_bytes(configured.get_secret_value()) if configured else None
        self._path: Path = data_folder.webhook_key(settings)

    def of(self, on: Runner, owner: str) -> bytes | Unsigned:
        """Return the key for the events of an owner, or why there is none."""
        found: tuple[str, int, str | None, datetime | None] | None
        found = _OF_OWNER.first(on, of_owner=owner)  # type: ignore[assignment]  # as it is selected
        if found is None:
            return self._configured or Unsigned.NO_SECRET
        key_id, number, wanted_hash, revoked_at = found
        if revoked_at is not None:
            return Unsigned.REVOKED
        if wanted_hash is None:
            return self._configured or Unsigned.NO_SECRET
        try:
            secret = derived(key_files.read(self._path, CONSEQUENCE), key_id, number)
        except (StartupError, OSError):
            return Unsigned.LOST_KEY
        is_same = hmac.compare_digest(hash_of(secret), wanted_hash)
        return secret_bytes(secret) if is_same else Unsigned.LOST_KEY
