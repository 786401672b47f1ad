"""The identity of a database. Takes a session, never commits."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ilios.db.models import Instance
from ilios.db.prepared import Prepared

_ID = Prepared(select(Instance.id))


def instance_id(session: Session) -> str:
    """Return the id of this database, which is part of every object key."""
    ((found,),) = _ID.all(session)
    return str(found)
