"""Where links of a document may lead, and what must not become one."""

from __future__ import annotations

import re
from urllib.parse import quote

from ilios.engines.embedded import limits

_SAFE_TARGET = re.compile(r"(https?:|mailto:|tel:)\S+", re.IGNORECASE)
#: What would end an address before its time, or stand for another sign in it.
_NOT_IN_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f()<>\\]|&(?=#?\w{1,31};)")
#: A text that makes the definition of a link of what stands before it: an address, and its title.
_LIKE_ADDRESS = re.compile(r"\S*+(?:\s++(?:\".*\"|'.*'|\(.*\)))?", re.DOTALL)
_NO_ADDRESS = " &nbsp;"


def is_safe(target: str) -> bool:
    """Return whether a link may lead there: to the web, a mailbox or a telephone."""
    return len(target) <= limits.ADDRESS_MAX_CHARACTERS and (
        _SAFE_TARGET.fullmatch(target) is not None
    )


def address(target: str) -> str:
    """Write an address so that it stands whole between the brackets of a link."""
    return _NOT_IN_ADDRESS.sub(lambda m: "&amp;" if m[0] == "&" else quote(m[0], safe=""), target)


def note(name: str, text: str) -> str:
    """Write a note; where Markdown has no notes, it must not become the definition of a link."""
    ending = _NO_ADDRESS if _LIKE_ADDRESS.fullmatch(text.strip()) else ""
    return f"[^{name}]: {text}{ending if text.strip() else ''}".rstrip()
