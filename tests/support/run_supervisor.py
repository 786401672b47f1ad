"""`python -m tests.support.run_supervisor ENGINE`: workers.py, but with an engine of the tests."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import ilios.heartbeat
from ilios import (
    clock,
    errands,
    governor,
    queue,
    retries,
    setbacks,
    settings,
    store_watch,
    supervisor,
    worker,
    worker_pool,
)
from ilios.errors import StartupError
from ilios.heartbeat import Heartbeat
from ilios.provider_batches import waits
from tests.support.engines import ENGINES

if "ILIOS_TEST_IMPATIENT" in os.environ:  # read by spawned workers too
    worker.ALIVE_SECONDS = 0.1
    worker_pool.SILENT_SECONDS = 3.0
    worker_pool.BOOT_SECONDS = 30.0
    queue.LEASE = timedelta(seconds=3)
    supervisor.LEASE_RENEWAL_SECONDS = 0.5

if "ILIOS_TEST_HURRIED" in os.environ:  # with a provider
    retries.RETRY_BASE_SECONDS = 0.2
    governor.OPEN_SECONDS = governor.REPAIR_PROBE_SECONDS = 0.5
    setbacks.REPAIR_WAIT = timedelta(seconds=0.2)
    waits.LAG = waits.CLOSED = waits.OBSTACLE = timedelta(seconds=1)

# What only some tests need is imported for these: each of their processes imports this module.

if "ILIOS_TEST_TIDY" in os.environ:
    from ilios.engines.mistral import provider_files

    store_watch.LOOK_SECONDS = 0.5
    errands.TIDY_SECONDS = 1.0
    provider_files.IN_USE_MARGIN_SECONDS = 0.0  # type: ignore[misc]

if "ILIOS_TEST_CLOCK" in os.environ:
    from tests.support.issuing import shifted_now

    clock.now = partial(shifted_now, Path(os.environ["ILIOS_TEST_CLOCK"]))


def beat_or_break(path: Path, heartbeat: Heartbeat) -> None:
    """A bug in the supervisor's loop, as soon as the file `break` lies beside its heartbeat."""
    if path.with_name("break").exists():
        raise RuntimeError("a bug")
    real_write(path, heartbeat)


real_write = ilios.heartbeat.write

if __name__ == "__main__":
    ilios.heartbeat.write = beat_or_break
    try:
        sys.exit(supervisor.run(settings.load(), ENGINES[sys.argv[1]]))
    except StartupError as error:
        sys.exit(error.detail)
