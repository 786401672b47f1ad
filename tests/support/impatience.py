"""What supervisors and workers of the tests do otherwise than in earnest, as ILIOS_TEST_* says.

Importing the module does it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from ilios.conversion import failures
from ilios.conversion.provider_batches import context
from ilios.core import clock, failpoints
from ilios.core.settings import Settings
from ilios.engines import governor
from ilios.engines.base import Engine
from ilios.queue import backoff, jobs
from ilios.workers import maintenance, pool, supervisor, worker
from tests.support.engines import ENGINES

#: Of a worker's silence, before an impatient supervisor kills it: many times what a busy machine
#: delays a heartbeat.
SILENT_SECONDS = 8.0

if "ILIOS_TEST_IMPATIENT" in os.environ:
    worker.ALIVE_SECONDS = 0.1
    pool.SILENT_SECONDS = SILENT_SECONDS
    pool.BOOT_SECONDS = 30.0
    pool.OVERDUE_SECONDS = 0.0
    jobs.LEASE = timedelta(seconds=3)
    supervisor.LEASE_RENEWAL_SECONDS = 0.5

if "ILIOS_TEST_HURRIED" in os.environ:  # with a provider
    supervisor.POLL_SECONDS = 0.1
    backoff.RETRY_BASE_SECONDS = 0.2
    governor.OPEN_SECONDS = governor.REPAIR_PROBE_SECONDS = 0.5
    failures.REPAIR_WAIT = timedelta(seconds=0.2)
    context.LAG = timedelta(seconds=1)
    context.CLOSED = context.OBSTACLE = timedelta(seconds=0.2)

if "ILIOS_TEST_PATIENT" in os.environ:  # with a provider, whose pauses end with the test
    governor.MAX_PAUSE_SECONDS = 3600.0

# What only some tests need is imported for these.

if "ILIOS_TEST_TIDY" in os.environ:
    from ilios.engines.mistral import files

    maintenance.LOOK_SECONDS = 0.5
    maintenance.TIDY_SECONDS = 1.0
    files.IN_USE_MARGIN_SECONDS = 0.0  # type: ignore[misc]

if "ILIOS_SYNC_POINTS" in os.environ:  # it was imported without
    failpoints._FOLDER = os.environ["ILIOS_SYNC_POINTS"]  # type: ignore[misc]

if "ILIOS_TEST_CLOCK" in os.environ:
    from tests.support.issuing import shifted_now

    clock.now = partial(shifted_now, Path(os.environ["ILIOS_TEST_CLOCK"]))


@dataclass(frozen=True)
class Opening:
    """Opens an engine of the tests; a spawned worker, which unpickles it, imports this module."""

    engine: str

    def __call__(self, settings: Settings, instance_id: str) -> dict[str, Engine]:
        return ENGINES[self.engine](settings, instance_id)
