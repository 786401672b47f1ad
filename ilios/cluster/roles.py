"""Roles that one process of all nodes has, under a lease. Takes a session, never commits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, or_
from sqlalchemy.orm import Session

from ilios.db.dialects import upsert
from ilios.db.models import UtcDateTime
from ilios.db.models.cluster import Role
from ilios.db.prepared import Prepared

SENDER: Final = "webhooks"  #: sends the events of all owners
LEASE: Final = timedelta(seconds=10)
RENEW_SECONDS: Final = 3.0

_TAKE = upsert(Role)
_TAKEN = Prepared(
    _TAKE.on_conflict_do_update(
        index_elements=[Role.name],
        set_={name: _TAKE.excluded[name] for name in ("holder", "node", "until")},
        where=or_(
            Role.holder == _TAKE.excluded.holder,
            Role.until < bindparam("present", type_=UtcDateTime()),
        ),
    ).returning(Role.name),
    ["name", "holder", "node", "until"],
)


def take(session: Session, role: str, holder: str, node: str, now: datetime) -> bool:
    """Take a role, or go on with it; return False while another holder's lease lasts."""
    row = _TAKEN.first(session, name=role, holder=holder, node=node, until=now + LEASE, present=now)
    return row is not None


def give_back(session: Session, role: str, holder: str) -> None:
    """Let another holder have a role at once."""
    session.execute(delete(Role).where(Role.name == role, Role.holder == holder))
