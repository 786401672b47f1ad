"""The messages between the supervisor and a worker: ids and outcomes, no documents.

Down means to the worker, up to the supervisor. A Lease goes down and means "do this job"; there are
never more of them than the worker has places. What is sent for each job is a NamedTuple: a frozen
dataclass with slots takes three times as long to be pickled.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NamedTuple

from ilios.core.pipes import is_readable
from ilios.engines.governor import ProviderReport
from ilios.queue.jobs import Lease
from ilios.storage.health import StoreReport
from ilios.workers.places import Places


@dataclass(frozen=True, slots=True)
class Stop:
    """Down: take no more jobs, let the running ones finish, then end."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Down: this job is cancelled; its lease is lost already."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Tidy:
    """Down, every ten minutes: remove leftovers of dead processes, and run retention."""


@dataclass(frozen=True, slots=True)
class KeepIndex:
    """Down, every few seconds: do some of what the full-text index needs, if it needs anything."""


@dataclass(frozen=True, slots=True)
class LookAtStore:
    """Down, periodically: find out whether the object store answers. A StoreReport goes up."""


@dataclass(frozen=True, slots=True)
class CallLimit:
    """Down: have at most so many calls to the provider in flight. CallsHeld goes up for it."""

    number: int  #: of this limit
    lane: str
    most: int


@dataclass(frozen=True, slots=True)
class CallsHeld:
    """Up: no more calls are in flight than the CallLimit of this number allows."""

    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Up: the worker has booted, and has these places for jobs, by lane."""

    places: Mapping[str, Places]


@dataclass(frozen=True, slots=True)
class Alive:
    """Up, every few seconds: the worker still reads its pipe."""


class Ended(NamedTuple):
    """Up: the job's place is free. Its outcome is in the database, unless it was interrupted.

    `report` is what the job has found out about the provider, or about the object store.
    """

    job_id: str
    report: ProviderReport | StoreReport | None = None
    interrupted: bool = False  #: by no fault of the document: the job is to be given back


ToWorker = Lease | Stop | Cancel | Tidy | KeepIndex | LookAtStore | CallLimit
ToSupervisor = Ready | Alive | Ended | StoreReport | CallsHeld


def send(pipe: Connection, message: ToWorker | ToSupervisor) -> None:
    """Send what `recv` returns at the other end. The pipe's own pickler takes much longer."""
    pipe.send_bytes(pickle.dumps(message))


def note_begun(begun: Connection, job_id: str) -> None:
    """Note that a job has a thread; from here on, a death of the worker counts as an attempt.

    In a pipe of its own, for which the supervisor does not wait: it asks once a job has ended.
    """
    begun.send_bytes(job_id.encode())


def jobs_begun(begun: Connection) -> Iterator[str]:
    """Take and yield the ids that were noted. Raises EOFError behind the last of a dead worker."""
    while is_readable(begun):
        yield begun.recv_bytes().decode()
