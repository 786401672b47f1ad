"""A budget for the bytes of documents that are being sent inside requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

INLINE_SOURCE_MAX_BYTES: Final = 4 * 1024 * 1024
"""Larger documents go through the Files API, which costs two more calls."""
INLINE_BYTES_IN_FLIGHT: Final = 32 * 10**6
"""Per process."""


class InlineBytes:
    """The budget of a process. It never blocks: what it refuses goes through the Files API."""

    def __init__(self, budget: int = INLINE_BYTES_IN_FLIGHT) -> None:
        self._left = budget
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, size_bytes: int) -> Iterator[bool]:
        """Yield whether a document of this size may be sent inline; it counts during the block."""
        is_taken = self._take(size_bytes)
        try:
            yield is_taken
        finally:
            if is_taken:
                with self._lock:
                    self._left += size_bytes

    def _take(self, size_bytes: int) -> bool:
        with self._lock:
            if size_bytes > min(self._left, INLINE_SOURCE_MAX_BYTES):
                return False
            self._left -= size_bytes
            return True
