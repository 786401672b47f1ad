"""Whether somebody has set the clock back: times that were written before mean nothing then."""

from __future__ import annotations

import time

from ilios.core import clock
from ilios.core.telemetry import logs

log = logs.get(__name__)

SET_BACK_SECONDS = 1.0  #: at once


class ClockWatch:
    """Compares the clock with the monotonic one, for one thread."""

    def __init__(self) -> None:
        self._epoch = _epoch()

    def was_set_back(self) -> bool:
        """Return whether the clock was set back since the last call."""
        before, self._epoch = self._epoch, _epoch()
        if self._epoch >= before - SET_BACK_SECONDS:
            return False
        log.warning("clock.set_back", seconds=round(before - self._epoch))
        return True


def _epoch() -> float:
    """Return when the machine was started by the clock: constant until the clock is set."""
    return clock.now().timestamp() - time.monotonic()
