"""Settings of webhooks, and of what the service may call for its clients."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from contextlib import suppress
from typing import Annotated, Final

from pydantic import AfterValidator, SecretStr

from ilios.core.settings.fields import SubjectSettings, listed, setting

SECRET_MARK: Final = "whsec_"  # noqa: S105  #: as Standard Webhooks has it
SECRET_MIN_BYTES: Final = 24
SECRET_MAX_BYTES: Final = 64
_ALLOWED_ENTRY: Final = re.compile(
    r"(?:[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)


def secret_bytes(secret: str) -> bytes:
    """Return the key that a secret stands for. Raises ValueError for what is none."""
    encoded = secret.removeprefix(SECRET_MARK)
    try:
        # Strictly: other decoders skip what is no base64, and would come to another key.
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if encoded == secret or not SECRET_MIN_BYTES <= len(key) <= SECRET_MAX_BYTES:
        raise ValueError(
            f"must be {SECRET_MARK} and {SECRET_MIN_BYTES} to {SECRET_MAX_BYTES} bytes in standard "
            "base64"
        )
    return key


def _secret(value: SecretStr) -> SecretStr:
    secret_bytes(value.get_secret_value())
    return value


def _allowed(value: str) -> str:
    for entry in listed(value):
        with suppress(ValueError):
            ipaddress.ip_network(entry)
            continue
        if not _ALLOWED_ENTRY.fullmatch(entry):
            raise ValueError("must be a list of hosts, host:port or networks")
    return value


WebhookSecret = Annotated[SecretStr, AfterValidator(_secret)]
Allowed = Annotated[str, AfterValidator(_allowed)]


class WebhookSettings(SubjectSettings):
    """Where events may go, and what signs them."""

    webhook_secret: WebhookSecret | None = setting(
        None,
        "Signs the events of keys that have no secret of their own; unset: those have no webhooks",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    url_allow: Allowed | None = setting(
        None,
        "Addresses that may be called although they are not public, comma-separated: hosts, "
        "host:port or networks",
        "hooks.internal:8080,10.1.0.0/16",
    )
