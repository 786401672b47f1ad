"""Identifiers: unguessable, URL-safe, of one shape."""

from __future__ import annotations

import re
import secrets
import string

ID_LENGTH = 24  #: 36**24 ≈ 2**124 possibilities
ID_PATTERN = re.compile(r"[a-z0-9]{20,30}")
_ALPHABET = (string.ascii_lowercase + string.digits).encode()
_EVEN = 256 - 256 % len(_ALPHABET)  #: bytes below it stand for each letter equally often
_LETTERS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))
_UNEVEN = bytes(range(_EVEN, 256))
_DRAWN = 2 * ID_LENGTH  #: bytes, of which one in 64 is left out


def new_id() -> str:
    """Return 24 random lower-case letters and digits."""
    letters = b""
    while len(letters) < ID_LENGTH:
        letters += secrets.token_bytes(_DRAWN).translate(_LETTERS, _UNEVEN)
    return letters[:ID_LENGTH].decode()


def is_id(text: str) -> bool:
    """Tell whether the text has the shape of an id, ours or the predecessor's."""
    return ID_PATTERN.fullmatch(text) is not None
