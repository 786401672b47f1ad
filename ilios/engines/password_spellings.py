"""What may be meant by a password: programs differ in the form of its accents."""

from __future__ import annotations

import unicodedata


def spellings(password: str) -> list[str]:
    """Return a password as it was sent, then in other forms of its accents."""
    composed = (unicodedata.normalize(form, password) for form in ("NFC", "NFKC"))
    return list(dict.fromkeys((password, *composed)))
