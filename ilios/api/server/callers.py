"""Who brings a request, as far as its head tells before anybody has looked into the database."""

from __future__ import annotations

from typing import Final

from ilios.api import request_keys
from ilios.api.server.slow_client_socket import HEAD_END

NO_KEY: Final = request_keys.NO_KEY  #: stands for all callers without a key
UNKNOWN: Final = (
    "?"  #: stands for all keys that have had no answer yet, for anybody can make one up
)
KNOWN_MAX: Final = 10_000  #: keys that a process remembers; the one that was used longest ago goes


class Callers:
    """Tells callers apart by their keys, once these have got an answer."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}

    def of(self, key: str) -> str:
        """Return who brings a request with this key: the key itself, UNKNOWN or NO_KEY."""
        return key if key in self._known or key == NO_KEY else UNKNOWN

    def know(self, key: str) -> None:
        """Remember that a key is one. Not for several threads."""
        if key == NO_KEY:
            return
        self._known.pop(key, None)
        self._known[key] = None
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]


def key_of(head: bytes) -> str:
    """Return the key that the request brings, which need not be one; NO_KEY without any."""
    fields, _, _ = head.partition(HEAD_END)  # what follows is the beginning of the body
    return request_keys.key_of_fields(fields)
