"""Requests with an idempotency key while their bodies arrive: one at a time for each key.

A key is a locked file, so that all web processes see it, and the kernel unlocks it however its
process ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ilios.core.idempotency_errors import IdempotencyInFlight
from ilios.core.processes import lock_file

PREFIX: Final = "arriving-"  #: of the files among the uploads, with which left-overs are swept


class Arrival:
    """A request that is arriving; `end` it, which does nothing the second time."""

    def __init__(
        self, folder: Path, key: str, is_accepted: Callable[[], bool] = lambda: False
    ) -> None:
        """Begin, with the hash of the key. Raises IdempotencyInFlight, and OSError.

        `is_accepted`: whether what arrives meanwhile is a repeat too, for which none has to wait.
        """
        self.key = key
        self._path = folder / f"{PREFIX}{key}"
        self._descriptor: int | None = None
        try:
            self._descriptor = self._locked()
        except IdempotencyInFlight:
            if not is_accepted():
                raise

    def end(self) -> None:
        """Let the next request with the key begin."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        self._path.unlink(missing_ok=True)
        os.close(descriptor)

    def _locked(self) -> int:
        while True:
            try:
                descriptor = lock_file(self._path, 0)
            except BlockingIOError as error:
                raise IdempotencyInFlight from error
            if self._is_at_path(descriptor):
                return descriptor
            os.close(descriptor)  # its holder removed it before it was locked

    def _is_at_path(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False
