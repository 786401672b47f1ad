"""Identifiers: unguessable, URL-safe, of one shape."""

from __future__ import annotations

import re
import secrets
import string

ID_LENGTH = 24  #: 36**24 ≈ 2**124 possibilities
ID_PATTERN = re.compile(r"[a-z0-9]{20,30}")
_ALPHABET = string.ascii_lowercase + string.digits


def new_id() -> str:
    """24 random lower-case letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(ID_LENGTH))


def is_id(text: str) -> bool:
    """Whether the text could be an id of ours or of the predecessor."""
    return ID_PATTERN.fullmatch(text) is not None
