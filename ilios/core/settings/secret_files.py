"""Secrets in files: where NAME is a secret, NAME_FILE may name a file that holds its value.

As Docker and Kubernetes mount secrets: what is in a file stands in no environment, and with that in
no `docker inspect` and in no description of a pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from ilios.core.errors import SettingsError
from ilios.core.settings.model import Settings

SUFFIX: Final = "_FILE"
FILE_MAX_BYTES: Final = 64 * 1024


@cache
def secret_fields() -> frozenset[str]:
    """Return the names of the fields whose values are secrets."""
    fields = Settings.model_fields.items()
    return frozenset(name for name, field in fields if "SecretStr" in str(field.annotation))


def named(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each secret field that a file is named for, with its path."""
    for field in sorted(secret_fields()):
        if path := environ.get(field.upper() + SUFFIX):
            yield field, path


def value_of(field: str, environ: Mapping[str, str]) -> str:
    """Return what the file of a field holds, without one line break at its end.

    Raises SettingsError for a file that cannot be read, or stands beside the variable itself.
    """
    name = field.upper()
    path = environ[name + SUFFIX]
    if environ.get(name):
        raise SettingsError(f"{name} and {name}{SUFFIX} are both set: unset one of them.")
    try:
        value = _text(Path(path))
    except (OSError, ValueError) as error:
        fault = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"{name}{SUFFIX} is {path!r}, which cannot be read ({fault}): name a file that the "
            f"service's user can read, and that holds nothing but the value of {name}."
        ) from error
    if not value:
        raise SettingsError(
            f"{name}{SUFFIX} is {path!r}, which is empty: write the value of {name} to it, or "
            f"unset {name}{SUFFIX}."
        )
    return value


def values(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets of all files by their fields. Raises SettingsError."""
    return {field: value_of(field, environ) for field, _path in named(environ)}


def _text(path: Path) -> str:
    """Return a text of one value. Raises OSError, and ValueError for what is none."""
    with path.open("rb") as file:
        content = file.read(FILE_MAX_BYTES + 1)
    if len(content) > FILE_MAX_BYTES:
        raise ValueError(f"it has more than {FILE_MAX_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError("it is no text in UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")
