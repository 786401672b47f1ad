"""Rate limits: how many requests a key has sent in the last minute, to all web processes.

Each key has a file: a ring buffer of the times of its latest requests, under a lock. So the count
is exact whichever process answers: never more than the quota in any 60 seconds. The files need not
be durable: nothing is synced to the disk, and with an empty folder all counts begin at 0.
"""

from __future__ import annotations

import fcntl
import math
import os
import struct
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ilios.core.telemetry import logs

log = logs.get(__name__)

WINDOW_SECONDS: Final = 60
WINDOW_NS: Final = WINDOW_SECONDS * 10**9
_NUMBER: Final = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Rate:
    """The state of a key's quota after a request."""

    quota: int
    remaining: int
    is_allowed: bool
    reset_seconds: int  #: until the oldest request that counts is a minute old


class RateLimits(Protocol):
    """Counts the requests of keys; safe to share between threads and processes."""

    def count(self, key_id: str, quota: int) -> Rate:
        """Count a request if it is within the quota; one that is refused does not count."""


class RequestRates:
    """Counts requests; safe to share between threads and processes."""

    def __init__(self, folder: Path, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._folder = folder
        self._now_ns = now_ns

    def count(self, key_id: str, quota: int) -> Rate:
        """Count a request if it is within the quota; one that is refused does not count.

        When the disk cannot be written, requests are allowed: reading must still work.
        """
        try:
            with self._ring(key_id, quota) as ring:
                return self._count(ring, quota)
        except OSError as error:
            log.warning("rate.not_counted", key_id=key_id, reason=str(error))
            return Rate(quota, quota, is_allowed=True, reset_seconds=WINDOW_SECONDS)

    def _count(self, ring: _Ring, quota: int) -> Rate:
        now = self._now_ns()  # under the lock: times in the buffer never decrease
        total = ring.total
        if total and ring.moment(total - 1) > now:
            total = 0  # the monotonic clock was reset: the machine was restarted
        oldest = max(0, total - quota)
        first = bisect_right(range(total), now - WINDOW_NS, lo=oldest, key=ring.moment)
        is_allowed = total - first < quota
        if is_allowed:
            ring.append(total, now)
            total += 1
        reset_ns = ring.moment(first) + WINDOW_NS - now
        return Rate(quota, quota - (total - first), is_allowed, math.ceil(reset_ns / 10**9))

    @contextmanager
    def _ring(self, key_id: str, quota: int) -> Iterator[_Ring]:
        path = self._folder / f"{key_id}-{quota}"
        # A descriptor for each request: flock then queues threads as well as processes.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield _Ring(descriptor, quota)
        finally:
            os.close(descriptor)


class _Ring:
    """The times of the latest `length` requests; requests are numbered from 0."""

    def __init__(self, descriptor: int, length: int) -> None:
        self._descriptor = descriptor
        self._length = length

    @property
    def total(self) -> int:
        """The number of requests so far."""
        stored = os.pread(self._descriptor, _NUMBER.size, 0)
        return int(_NUMBER.unpack(stored)[0]) if len(stored) == _NUMBER.size else 0

    def moment(self, number: int) -> int:
        """Return when one of the latest requests came, in ns."""
        return int(_NUMBER.unpack(os.pread(self._descriptor, _NUMBER.size, self._place(number)))[0])

    def append(self, number: int, moment: int) -> None:
        """Store the time of the next request."""
        # The time first: a process that dies in between has not counted the request.
        os.pwrite(self._descriptor, _NUMBER.pack(moment), self._place(number))
        os.pwrite(self._descriptor, _NUMBER.pack(number + 1), 0)

    def _place(self, number: int) -> int:
        return _NUMBER.size * (1 + number % self._length)
