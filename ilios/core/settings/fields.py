"""What the fields of several subjects share: units, types, and the form of a declaration."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB


class SubjectSettings(BaseModel):
    """The settings of one subject; `Settings` inherits from all of them."""

    model_config = ConfigDict(defer_build=True)  # only Settings is instantiated


def setting(default: Any, description: str, example: str, **limits: Any) -> Any:
    """Declare a field.

    `description` and `example` are shown to operators; `limits` are those of pydantic's Field.
    """
    return Field(default, description=description, examples=[example], **limits)


def listed(text: str) -> tuple[str, ...]:
    """Return the items of a comma-separated list, without blanks around them and empty ones."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https URL")
    return value.rstrip("/")


def _header_token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("must be one word of ASCII, for it travels in a header")
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
HeaderToken = Annotated[SecretStr, AfterValidator(_header_token)]
