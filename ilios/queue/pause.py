"""The pause of the queue: while it holds, no job is claimed. Takes a session, never commits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ilios.db.models import Instance
from ilios.db.prepared import Asked, Prepared, Runner

# Prepared once: see ilios.queue.jobs.
_PAUSED_SINCE = Prepared(select(Instance.queue_paused_at))


def pause(session: Session, now: datetime) -> None:
    """Let no job start any more, also after a restart; those that run go on."""
    session.execute(update(Instance).values(queue_paused_at=now))


def resume(session: Session) -> None:
    """Let jobs start again."""
    session.execute(update(Instance).values(queue_paused_at=None))


def paused_since(on: Runner) -> datetime | None:
    """Return when an operator paused the queue; None while jobs may start."""
    row: tuple[datetime | None] | None = _PAUSED_SINCE.first(on)
    return row[0] if row else None


def asked() -> Asked:
    """Return the question that is answered by a row of the moment since when it is paused."""
    return Asked(_PAUSED_SINCE, {})


def is_paused(on: Runner) -> bool:
    """Return whether an operator has paused the queue."""
    return paused_since(on) is not None
