"""`python -m tests.hosts.hasty_workers`: `ilios workers` whose leases end soon after it is lost.

The lease of a job, and for how long a node that is silent counts among those that hold something,
are a third of what they are in earnest, as chaos has them; the bucket is looked at as often.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ilios.cli import main as cli
from ilios.cli import serve
from ilios.cluster import nodes
from ilios.queue import jobs
from ilios.workers import maintenance, supervisor

LEASE_S: Final = 20.0
RENEWAL_S: Final = 5.0
LOOK_S: Final = 5.0


def run() -> None:
    """Run the supervisor."""
    jobs.LEASE = timedelta(seconds=LEASE_S)
    nodes.GONE = timedelta(seconds=LEASE_S)  # type: ignore[misc]
    supervisor.LEASE_RENEWAL_SECONDS = RENEWAL_S
    maintenance.LOOK_SECONDS = LOOK_S
    supervisor.main()


if __name__ == "__main__":
    serve.WORKERS = ("-c", "from tests.hosts.hasty_workers import run; run()")  # type: ignore[misc]
    cli.main(["workers"], prog_name="ilios")
