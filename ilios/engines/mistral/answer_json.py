"""The JSON of an answer, read as leniently as can be: it is paid for."""

from __future__ import annotations

import json
from typing import Any, Final

from ilios.core.conversion_errors import OutcomeUnknown

DIGITS_MAX: Final = 18  #: of a whole number; Python refuses some that are very long


def _whole(digits: str) -> int:
    """Return a number that is too long for anything as another that is: its first digits."""
    return int(digits[:DIGITS_MAX])


# Control characters inside of strings are taken, and bytes behind the object are not looked at.
_DECODER: Final = json.JSONDecoder(strict=False, parse_int=_whole)


def fields(answer: bytes) -> dict[str, Any]:
    """Return the fields of an answer, of which `pages` is a list. Raises OutcomeUnknown."""
    try:
        text = answer.decode(json.detect_encoding(answer), errors="replace")
        found, _ = _DECODER.raw_decode(text.lstrip(" \t\r\n\ufeff"))
    except (ValueError, RecursionError) as error:
        raise _unreadable("is no JSON") from error
    if not isinstance(found, dict) or not isinstance(found.get("pages"), list):
        raise _unreadable("has no pages")
    return found


def _unreadable(why: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"The answer of Mistral {why}, though the call may have been billed.")
