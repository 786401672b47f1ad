"""Which owners had room a moment ago: then nobody is asked before a file is stored.

The transaction that takes it in asks in any case, and what it refuses is deleted again: only that
there is none has to be known for certain.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from ilios.accounts.holdings import Holding
from ilios.core.request_errors import StorageQuotaExceeded, TooManyWaiting

SECONDS: Final = 1.0  #: for which it is believed
OWNERS_MAX: Final = 1000  #: in memory


class RecentRoom:
    """Safe to share between threads: what one of them does not see is asked once more."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Holding]] = {}

    def note(self, owner: str, holding: Holding) -> None:
        """Note what an owner holds, as it was asked now."""
        if len(self._known) >= OWNERS_MAX:
            self._known.clear()
        self._known[owner] = time.monotonic(), holding

    def had(self, owner: str, counted_bytes: int, documents: int) -> bool:
        """Return whether there was room for so much more, and take it."""
        asked_at, holding = self._known.get(owner, (float("-inf"), None))
        if holding is None or time.monotonic() > asked_at + SECONDS:
            return False
        try:
            holding.require_room(counted_bytes, documents)
        except (StorageQuotaExceeded, TooManyWaiting):
            return False
        taken = replace(
            holding,
            stored_bytes=holding.stored_bytes + counted_bytes,
            waiting_documents=holding.waiting_documents + documents,
        )
        self._known[owner] = asked_at, taken
        return True
