"""Addresses that events are sent to: read, bounded, and held against the guard."""

from __future__ import annotations

from typing import Final

from ilios.core.settings import Settings
from ilios.core.url_errors import UrlNotAllowed
from ilios.outbound.addresses import Address
from ilios.outbound.guard import Guard

URL_MAX_CHARACTERS: Final = 2048  #: each delivery has its own


def checked(guard: Guard, text: str) -> Address:
    """Return an address. Raise UrlNotAllowed for what its text shows; no name is resolved."""
    address = guard.checked(text)
    if len(address.url) > URL_MAX_CHARACTERS:
        why = f"It has more than {URL_MAX_CHARACTERS} characters"
        raise UrlNotAllowed("length", why, is_openable=False)
    return address


def checked_by(settings: Settings, text: str) -> str:
    """Return an address in its one form, for a process that needs the guard once."""
    return checked(Guard(settings.url_allowance), text).url
