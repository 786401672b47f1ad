"""`python -m tests.support.run_supervisor ENGINE`: workers.py, but with an engine of the tests."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import ilios.operations.heartbeat
from ilios.conversion import failures
from ilios.conversion.provider_batches import context
from ilios.core import clock, failpoints, settings
from ilios.core.errors import StartupError
from ilios.engines import governor
from ilios.operations.heartbeat import Heartbeat
from ilios.queue import backoff, jobs
from ilios.workers import maintenance, pool, supervisor, worker
from tests.support import spares
from tests.support.engines import ENGINES

SUCCESSORS = 2  #: of workers that a test kills; more are spawned as usual

if "ILIOS_TEST_IMPATIENT" in os.environ:  # read by spawned workers too
    worker.ALIVE_SECONDS = 0.1
    pool.SILENT_SECONDS = 3.0
    pool.BOOT_SECONDS = 30.0
    jobs.LEASE = timedelta(seconds=3)
    supervisor.LEASE_RENEWAL_SECONDS = 0.5

if "ILIOS_TEST_HURRIED" in os.environ:  # with a provider
    backoff.RETRY_BASE_SECONDS = 0.2
    governor.OPEN_SECONDS = governor.REPAIR_PROBE_SECONDS = 0.5
    failures.REPAIR_WAIT = timedelta(seconds=0.2)
    context.LAG = context.CLOSED = context.OBSTACLE = timedelta(seconds=1)

# What only some tests need is imported for these: each of their processes imports this module.

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


def beat_or_break(path: Path, heartbeat: Heartbeat) -> None:
    """A bug in the supervisor's loop, as soon as the file `break` lies beside its heartbeat."""
    if path.with_name("break").exists():
        raise RuntimeError("a bug")
    real_write(path, heartbeat)


real_write = ilios.operations.heartbeat.write

if __name__ == "__main__":
    ilios.operations.heartbeat.write = beat_or_break
    try:
        loaded = settings.load()
        spares.prepare(loaded.worker_count + SUCCESSORS)
        sys.exit(supervisor.run(loaded, ENGINES[sys.argv[1]]))
    except StartupError as error:
        sys.exit(error.detail)
