"""Identifiers: unguessable, URL-safe, of one shape."""

from __future__ import annotations

import re
import secrets
import string

ID_LENGTH = 24  #: 36**24 ≈ 2**124 possibilities
ID_BITS = 192  #: far more than 124, so that every letter is as likely as any other
ID_PATTERN = re.compile(r"[a-z0-9]{20,30}")
_ALPHABET = string.ascii_lowercase + string.digits


def new_id() -> str:
    """Return 24 random lower-case letters and digits."""
    number = secrets.randbits(ID_BITS)
    letters = []
    for _ in range(ID_LENGTH):
        number, place = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[place])
    return "".join(letters)


def is_id(text: str) -> bool:
    """Tell whether the text has the shape of an id, ours or the predecessor's."""
    return ID_PATTERN.fullmatch(text) is not None
