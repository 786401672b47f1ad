"""Jobs that a stop interrupted while the database was locked, kept for the next supervisor.

It would take them for those of a supervisor that died, and count an attempt.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from ilios.db.models import JobType
from ilios.queue.jobs import Lease


def keep(path: Path, leases: list[Lease]) -> None:
    """Write them down in one step. Raises OSError."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps([asdict(lease) for lease in leases]))
    draft.replace(path)


def kept(path: Path) -> list[Lease]:
    """Those of the last stop; none when there was nothing to keep."""
    try:
        return [
            Lease(one["job_id"], one["token"], JobType(one["type"]))
            for one in json.loads(path.read_text())
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # then they cost an attempt, and no more


def forget(path: Path) -> None:
    path.unlink(missing_ok=True)
