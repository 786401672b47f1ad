"""What a worker reads of a job when it begins: the job under its lease, and its document."""

from __future__ import annotations

from collections.abc import Sequence

from ilios.core.joint_questions import JointQuestions
from ilios.db.database import Database
from ilios.db.models import Document, Job
from ilios.queue import jobs, joint
from ilios.queue.jobs import Lease

Held = tuple[Job, Document]


class HeldJobs:
    """Reads for the threads of a worker: from a server, for all that ask at the same time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._joint = JointQuestions(self._of_all) if database.is_remote else None

    def of(self, lease: Lease) -> Held:
        """Return the job under a lease and its document, both detached. Raises LeaseLost."""
        if self._joint is None:
            with self._database.watching() as watch:
                return jobs.held_with_document(watch, lease)
        held = self._joint.answer(lease)
        if held is None:
            raise jobs.lease_lost(lease)
        return held

    def _of_all(self, leases: Sequence[Lease]) -> list[Held | None]:
        with self._database.watching() as watch:
            return joint.held_with_documents(watch, leases)
