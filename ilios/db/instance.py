"""Identify this database. Takes a session, never commits."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ilios.db.models import Instance


def instance_id(session: Session) -> str:
    """The id of this database, part of every object key."""
    return session.scalars(select(Instance.id)).one()
