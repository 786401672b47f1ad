"""Making text valid for databases and JSON parsers."""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]")


def replace_surrogates(text: str) -> str:
    """Replace lone UTF-16 surrogates, which some files contain and no database stores."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable(text: str) -> str:
    """Replace lone surrogates, and remove NUL and other characters that are no text."""
    return _CONTROL.sub("", replace_surrogates(text))
