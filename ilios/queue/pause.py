"""The pause of the queue: while it holds, no job is claimed. Takes a session, never commits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ilios.db.models import Instance

# Prepared once: see ilios.queue.jobs.
_PAUSED_SINCE = select(Instance.queue_paused_at)


def pause(session: Session, now: datetime) -> None:
    """Let no job start any more, also after a restart; those that run go on."""
    session.execute(update(Instance).values(queue_paused_at=now))


def resume(session: Session) -> None:
    """Let jobs start again."""
    session.execute(update(Instance).values(queue_paused_at=None))


def paused_since(session: Session) -> datetime | None:
    """Return when an operator paused the queue; None while jobs may start."""
    return session.connection().execute(_PAUSED_SINCE).scalar()


def is_paused(session: Session) -> bool:
    """Return whether an operator has paused the queue."""
    return paused_since(session) is not None
