"""What crosses the pipe between the supervisor and a worker: ids and outcomes, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from ilios.queue import Lease

# Down: a Lease is "do this job"; there are never more of them out than the worker has slots.


@dataclass(frozen=True, slots=True)
class Stop:
    """Down: take no more jobs, let the running ones finish, then end."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Up: the worker has booted and can run this many jobs at once."""

    slots: int


@dataclass(frozen=True, slots=True)
class Alive:
    """Up, every few seconds: the worker still reads its pipe."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Up: the job has a thread; from here on, a death of the worker counts as an attempt."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Up: the job's outcome is in the database; its slot is free."""

    job_id: str


ToWorker = Lease | Stop
ToSupervisor = Ready | Alive | Accepted | Ended
