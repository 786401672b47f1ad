"""How many documents a source has, found out while they are converted already."""

from __future__ import annotations

import threading

from ilios.core.conversion_errors import StorageUnavailable
from ilios.local.bulk.sources import Source


class Count:
    """Counts in a thread of its own, beside the run, which does not wait for it."""

    def __init__(self, source: Source) -> None:
        self._found = 0
        self._is_complete = False
        self._is_stopped = False
        self._thread = threading.Thread(target=self._count, args=(source,), daemon=True)
        self._thread.start()

    def told(self) -> str:
        """Return the number; with a + behind it as long as there may be more."""
        return f"{self._found:,}{'' if self._is_complete else '+'}"

    def wait(self) -> None:
        """Wait until all are counted."""
        self._thread.join()

    def stop(self) -> None:
        """Count no further."""
        self._is_stopped = True
        self._thread.join()

    def _count(self, source: Source) -> None:
        try:
            for _ in source.items():
                self._found += 1
                if self._is_stopped:
                    return
        except (OSError, StorageUnavailable):  # the run says what is wrong
            return
        self._is_complete = True
