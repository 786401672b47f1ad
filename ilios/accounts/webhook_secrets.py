"""What signs the events of an owner: a secret of its key, else that of the settings."""

from __future__ import annotations

import hmac
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import bindparam, select

from ilios.accounts.key_webhooks import derived, hash_of
from ilios.core import data_folder, key_files
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.core.settings.webhooks import secret_bytes
from ilios.core.webhook_errors import WebhookSecretMissing
from ilios.db.models import ApiKey
from ilios.db.prepared import Prepared, Runner

CONSEQUENCE: Final = "keys need new webhook secrets (`ilios keys webhook KEY --secret new`)"
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
        found = _OF_OWNER.first(on, of_owner=owner)
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
