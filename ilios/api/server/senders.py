"""The connections whose clients have to read before more can be sent to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

SENDERS_MAX = 256  #: of a web process: answers that wait for their clients to read
OWNER_SENDERS_MAX = SENDERS_MAX // 2  #: of one owner, or of all callers without a key


class Reader(Hashable, Protocol):
    """A connection that waits for its client to read."""

    @property
    def owner(self) -> str:
        """Whose answer is sent."""

    @property
    def send_deadline(self) -> float:
        """When the client is given up, in monotonic time."""


Reading = TypeVar("Reading", bound=Reader)


class Senders(Generic[Reading]):
    """Those connections, by owner. For the poller only: it takes no lock."""

    def __init__(self) -> None:
        self._of: dict[str, set[Reading]] = defaultdict(set)

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def add(self, reader: Reading) -> None:
        self._of[reader.owner].add(reader)

    def remove(self, reader: Reading) -> None:
        owners = self._of[reader.owner]
        owners.discard(reader)
        if not owners:
            del self._of[reader.owner]

    def surplus(self) -> Reading | None:
        """Return the one to give up if there are too many.

        That is the slowest of the owner with the most.
        """
        if not self._of:
            return None
        most = max(self._of.values(), key=len)
        if len(most) <= OWNER_SENDERS_MAX and len(self) <= SENDERS_MAX:
            return None
        return min(most, key=lambda reader: reader.send_deadline)

    def overdue(self, now: float) -> list[Reading]:
        """Return those that are to be given up by now."""
        return [one for of in self._of.values() for one in of if one.send_deadline <= now]
