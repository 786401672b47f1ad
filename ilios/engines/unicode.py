"""Text as every database and every JSON parser takes it."""

from __future__ import annotations


def whole(text: str) -> str:
    """Halves of UTF-16 pairs, which some files contain and no database stores, become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
