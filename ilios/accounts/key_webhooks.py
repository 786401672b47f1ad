"""The webhook of a key: its address, and the secret that is derived for it.

The secret comes from a key of the data folder, so that neither the database nor a copy of it has
one; the row has a hash of the one in use, by which a lost key is noticed. Takes a session, never
commits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from ilios.accounts import keys
from ilios.core.settings.webhooks import SECRET_MARK
from ilios.core.webhook_errors import WebhookSecretMissing
from ilios.db.models import ApiKey

_PURPOSE: Final = "ilios webhook secret"


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
    session: Session, reference: str, wanted: Change, instance_key: bytes, *, has_default: bool
) -> tuple[ApiKey, str | None]:
    """Change a key's webhook; return it, with its secret if that is new.

    Raises UnknownKey, KeyAlreadyRevoked, and WebhookSecretMissing when it would have an address
    and nothing to sign with; `has_default` says that the settings have a secret.
    """
    key = keys.named(session, reference)
    secret = None
    if wanted.sets_secret and wanted.new_secret:
        secret = renew(key, instance_key)
    elif wanted.sets_secret:
        key.webhook_secret_hash = None
    if wanted.sets_url:
        key.webhook_url = wanted.url
    if key.webhook_url and not key.webhook_secret_hash and not has_default:
        raise WebhookSecretMissing
    return key, secret
