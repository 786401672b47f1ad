"""One attempt at a job, while it runs."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from ilios.conversion.claimed_job import ClaimedJob
from ilios.engines.base import Mark
from ilios.storage.answer_spool import CallRecord


class Attempt:
    """One attempt at a job: its folder, and the paid call that it has begun, if any."""

    def __init__(self, claimed: ClaimedJob, workspace: Path) -> None:
        self.claimed = claimed
        self.workspace = workspace
        self.call: CallRecord | None = None  #: that the ledger knows
        self.is_answered = False  #: the call is paid for, whatever fails afterwards
        self.mark: Mark = contextlib.nullcontext  #: for the answer, once it is in the spool
        self.is_kept = False  #: the spool has the answer
        self.has_collected = False  #: answers of earlier attempts, since the document was read
        self._began_at = time.monotonic()

    def seconds(self) -> float:
        """Return the seconds since the attempt began."""
        return time.monotonic() - self._began_at
