"""Which API key a request carries: the one rule, for authentication and for fair threads alike.

`Authorization: Bearer` counts first; then the headers in which clients of other services send their
keys, in this order. Another scheme than Bearer is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from wsgiref.types import WSGIEnvironment

NO_KEY: Final = ""
OTHER_HEADERS: Final = ("x-api-key", "unstructured-api-key", "ocp-apim-subscription-key")
"""Beside Authorization, in lower case."""

_AUTHORIZATION: Final = "authorization"
_BEARER: Final = "bearer"
_HEADERS: Final = (_AUTHORIZATION, *OTHER_HEADERS)
_VARIABLES: Final = {f"HTTP_{name.upper().replace('-', '_')}": name for name in _HEADERS}
_FIELD: Final = re.compile(rb"(?im)^(%s):([^\r\n]*)" % "|".join(_HEADERS).encode())


def key_of_environ(environ: WSGIEnvironment) -> str:
    """Return the key that a request carries, which need not be one; NO_KEY without any."""
    return _key_of(
        {name: environ[variable] for variable, name in _VARIABLES.items() if variable in environ}
    )


def key_of_fields(fields: bytes) -> str:
    """Return the key that the header fields of a request carry; NO_KEY without any."""
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(fields):
        found.setdefault(name.decode().lower(), value.decode("latin-1"))
    return _key_of(found)


def _key_of(fields: Mapping[str, str]) -> str:
    scheme, _, key = fields.get(_AUTHORIZATION, "").strip().partition(" ")
    if scheme.lower() == _BEARER and key.strip():
        return key.strip()
    others = (fields.get(name, "").strip() for name in OTHER_HEADERS)
    return next(filter(None, others), NO_KEY)
