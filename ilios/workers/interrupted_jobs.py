"""The note of jobs that a stop interrupted while the database was locked.

Without it the next supervisor would take them for jobs of one that died, and count an attempt.
"""

from __future__ import annotations

import json
from pathlib import Path

from ilios.core.durable_files import replace
from ilios.db.models import JobType
from ilios.queue.jobs import Lease


def keep(path: Path, leases: list[Lease]) -> None:
    """Write the note in one step. Raises OSError."""
    replace(path, json.dumps([lease._asdict() for lease in leases]).encode())


def kept(path: Path) -> list[Lease]:
    """Return the leases of the last stop; an empty list when there is no readable note."""
    try:
        return [
            Lease(one["job_id"], one["token"], JobType(one["type"]))
            for one in json.loads(path.read_text())
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # then they cost an attempt, and no more


def forget(path: Path) -> None:
    path.unlink(missing_ok=True)
