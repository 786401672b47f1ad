"""What the steps of a provider's batch share: services and settings, and how long they wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ilios.conversion.provider_batches.records import Records
from ilios.conversion.recorder import Recorder
from ilios.conversion.sources import Sources
from ilios.core.disk_space import DiskReserve
from ilios.db.database import Database
from ilios.engines.base import Engine
from ilios.engines.governor import ANSWERED, ProviderReport
from ilios.engines.mistral.batch.jobs import Batches
from ilios.storage.answer_spool import RESULTS_SUFFIX
from ilios.storage.base import ObjectStore

# Beside the time between two looks at a batch:
LAG = timedelta(minutes=3)
"""For this long after its creation, the provider's other calls may not know a job yet."""
CLOSED = timedelta(seconds=60)  #: between two looks at whether batches are taken now
OBSTACLE = timedelta(seconds=10)  #: an outage, a full disk
OVERDUE = timedelta(hours=1)  #: beyond its time-out; then we cancel a job
GONE_ATTEMPTS = 7
"""Attempts at what the provider does not find, over ten minutes; then it is taken for lost."""


@dataclass(frozen=True, slots=True)
class BatchContext:
    """What a worker process uses for all of its batches."""

    database: Database
    store: ObjectStore
    engine: Engine
    lane: Batches
    recorder: Recorder
    sources: Sources
    disk_reserve: DiskReserve
    instance_id: str
    workspaces: Path
    answers: Path  #: where downloaded results outlive the step that fetched them
    poll: timedelta
    timeout: timedelta
    step_seconds: float  #: after this long, a step leaves the rest of its work to the next one
    ambiguous_retries: int

    def results(self, batch_id: str, name: str) -> Path:
        """Return where a downloaded file of results is kept."""
        return self.answers / f"{batch_id}-{name}{RESULTS_SUFFIX}"

    def deaths(self, batch_id: str, call_id: str) -> int:
        """Return how many processes have died while they read the line of a call."""
        return len(list(self.answers.glob(f"{batch_id}-{call_id}.*{RESULTS_SUFFIX}")))

    @contextmanager
    def reading(self, batch_id: str, call_id: str) -> Iterator[None]:
        """Mark the line of a call while the block reads it: what dies in there, dies of it.

        The mark lies beside the results, so that it outlives the process, and goes with them.
        """
        mark = self.results(batch_id, f"{call_id}.{self.deaths(batch_id, call_id) + 1}")
        mark.touch()
        try:
            yield
        except Exception:
            mark.unlink(missing_ok=True)
            raise
        mark.unlink(missing_ok=True)

    def forget_results(self, batch_id: str) -> None:
        """Remove the downloaded results of a batch: they are recorded, or of no use."""
        for path in self.answers.glob(f"{batch_id}-*{RESULTS_SUFFIX}"):
            path.unlink(missing_ok=True)


@dataclass(slots=True)
class Step:
    """One claim of a batch's job."""

    batch_id: str
    records: Records
    workspace: Path
    until: float  #: on the monotonic clock
    report: ProviderReport = ANSWERED

    @property
    def is_over(self) -> bool:
        """Whether the rest of the work is left to the next step."""
        return time.monotonic() > self.until
