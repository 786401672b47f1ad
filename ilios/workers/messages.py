"""What crosses the pipe between the supervisor and a worker: ids and outcomes, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from ilios.engines.governor import ProviderReport
from ilios.queue.jobs import Lease
from ilios.storage.health import StoreReport

# Down: a Lease is "do this job"; there are never more of them out than the worker has slots.


@dataclass(frozen=True, slots=True)
class Stop:
    """Down: take no more jobs, let the running ones finish, then end."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Down: nobody wants this job any more; its lease is lost already."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Tidy:
    """Down, now and then: look for what dead processes left behind."""


@dataclass(frozen=True, slots=True)
class LookAtStore:
    """Down, now and then: find out whether the object store answers. A StoreReport goes up."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Up: the worker has booted and can run this many jobs of each lane at once."""

    slots: dict[str, int]


@dataclass(frozen=True, slots=True)
class Alive:
    """Up, every few seconds: the worker still reads its pipe."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Up: the job has a thread; from here on, a death of the worker counts as an attempt."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Up: the job's slot is free. Its outcome is in the database, unless it was interrupted.

    `report` is what the job has found out about the provider, or about the object store.
    """

    job_id: str
    report: ProviderReport | StoreReport | None = None
    interrupted: bool = False  #: by no fault of its own: to be given back


ToWorker = Lease | Stop | Cancel | Tidy | LookAtStore
ToSupervisor = Ready | Alive | Accepted | Ended | StoreReport
