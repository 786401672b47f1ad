"""Making text valid for databases and JSON parsers."""

from __future__ import annotations


def replace_surrogates(text: str) -> str:
    """Replace lone UTF-16 surrogates, which some files contain and no database stores."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
