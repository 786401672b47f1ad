"""How many listeners there may be: connections that are told of statuses until these are final."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

from ilios.accounts.keys import ANONYMOUS
from ilios.core.listener_errors import TooManyListeners
from ilios.core.request_errors import Busy

LISTENERS_MAX: Final = 1_000  #: of a web process
KEY_LISTENERS_MAX: Final = 250  #: of those, with one key


class ListenerPlaces:
    """The places of one web process. While there are no keys, anybody may take all."""

    def __init__(self, total: int = LISTENERS_MAX, of_key: int = KEY_LISTENERS_MAX) -> None:
        self._total = total
        self._of_key = of_key
        self._held: Counter[str] = Counter()  #: by owner
        self._lock = threading.Lock()

    def take(self, owner: str) -> None:
        """Take a place until `give_back`. Raise TooManyListeners, or Busy if nobody may."""
        with self._lock:
            if owner != ANONYMOUS and self._held[owner] >= self._of_key:
                raise TooManyListeners(self._of_key)
            if self._held.total() >= self._total:
                raise Busy("Too many listeners are connected. Try again, or ask for the status.")
            self._held[owner] += 1

    def give_back(self, owner: str) -> None:
        with self._lock:
            self._held[owner] -= 1
            if not self._held[owner]:
                del self._held[owner]
