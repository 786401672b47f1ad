"""What keeps jobs from starting, where no fault does: an operator's command.

The other reasons are shown where their faults are: a full disk, a bucket, a provider, a locked
database, a stop.
"""

from __future__ import annotations

from collections.abc import Callable

from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import JobStatus
from ilios.operations.heartbeat import BlockReason
from tests.support import documents
from tests.support.commands import Operator
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]


def test_a_queue_that_is_paused_by_a_command_starts_no_job_until_it_is_resumed(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    operator = Operator(settings)
    assert operator.run("queue", "pause").returncode == 0
    _, job_id = documents.add_document(database, settings=settings)
    supervisor = start_supervisor("echo", worker_count=1)

    supervisor.wait_until_blocked(BlockReason.PAUSED)
    assert documents.job(database, job_id).attempts == 0
    assert operator.run("queue", "resume").returncode == 0

    wait_until(lambda: documents.job(database, job_id).status is JobStatus.COMPLETED, timeout_s=20)
    supervisor.wait_until_blocked(None)
    assert supervisor.log.count("claims.state") == 2
