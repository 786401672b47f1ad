"""Settings of webhooks."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final

from pydantic import AfterValidator, SecretStr

from ilios.core.settings.fields import SubjectSettings, setting

SECRET_MARK: Final = "whsec_"  # noqa: S105  #: as Standard Webhooks has it
SECRET_MIN_BYTES: Final = 24
SECRET_MAX_BYTES: Final = 64


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


WebhookSecret = Annotated[SecretStr, AfterValidator(_secret)]


class WebhookSettings(SubjectSettings):
    """What signs events."""

    webhook_secret: WebhookSecret | None = setting(
        None,
        "Signs the events of keys that have no secret of their own; unset: those have no webhooks",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
