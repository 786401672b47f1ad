"""A job that a worker has begun, as everybody who has to do with it is given it."""

from __future__ import annotations

from dataclasses import dataclass

from ilios.db.models import Document, Job
from ilios.engines.base import Engine
from ilios.queue.jobs import Lease


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed job and its document, read once; both are detached, and read only."""

    lease: Lease
    job: Job
    document: Document
    engine: Engine
