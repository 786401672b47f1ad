"""The table of nodes: who lives, by the database's clock. Takes a session, never commits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.orm import Session

from ilios.cluster.kinds import WORKERS
from ilios.db.dialects import upsert
from ilios.db.models import UtcDateTime
from ilios.db.models.cluster import COMPATIBILITY, LEAST_COMPATIBLE, Node
from ilios.db.prepared import Prepared, Runner

BEAT_SECONDS: Final = 2.0  #: between two signs of life
SILENT: Final = timedelta(seconds=10)  #: after which a node counts as silent
GONE: Final = timedelta(seconds=60)  #: after which what it held is others', as its jobs are
FORGOTTEN: Final = timedelta(days=1)

_COLUMNS: Final = Node.__mapper__.column_attrs.keys()
_KEPT: Final = ("id", "kind", "started_at", "drain_since")  #: by a sign of life
_SAY = upsert(Node)
_SAID = Prepared(
    _SAY.on_conflict_do_update(
        index_elements=[Node.id, Node.kind],
        set_={name: _SAY.excluded[name] for name in _COLUMNS if name not in _KEPT},
    ).returning(Node.drain_since),
    [name for name in _COLUMNS if name != "drain_since"],
)
_SINCE = select(*(getattr(Node, name) for name in _COLUMNS)).where(
    Node.seen_at > bindparam("since", type_=UtcDateTime())
)
_LIVE = Prepared(_SINCE.order_by(Node.name, Node.id, Node.kind))
_LIVE_WORKERS = Prepared(_SINCE.where(Node.kind == WORKERS).order_by(Node.id))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a node is; constant while it runs."""

    id: str
    kind: str
    name: str
    host: str
    version: str
    started_at: datetime
    compatibility: int = COMPATIBILITY
    least_compatible: int = LEAST_COMPATIBLE


@dataclass(frozen=True, slots=True)
class Said:
    """What a node says of itself with each sign of life: see the columns of Node."""

    jobs_most: int = 0
    calls_wanted: int = 0
    calls_held: int = 0
    calls_limit: int | None = None
    state: dict[str, Any] | None = None

    def holding(self, calls: int) -> Said:
        """Return the same, of a node that has so many places for calls."""
        return replace(self, calls_held=calls)


def say(session: Session, node: Identity, said: Said, now: datetime) -> datetime | None:
    """Note a sign of life; return since when an operator wants no work of the node."""
    ((drain_since,),) = _SAID.all(
        session,
        **{name: getattr(node, name) for name in Identity.__slots__},
        **{name: getattr(said, name) for name in Said.__slots__},
        seen_at=now,
    )
    found: datetime | None = drain_since
    return found


def leave(session: Session, node: Identity) -> None:
    """Forget a node that ends; one that an operator has drained is silent from now on."""
    session.execute(
        delete(Node).where(Node.id == node.id, Node.kind == node.kind, Node.drain_since.is_(None))
    )
    session.execute(
        update(Node)
        .where(Node.id == node.id, Node.kind == node.kind)
        .values(seen_at=node.started_at - GONE, calls_held=0, jobs_most=0, state=None)
    )


def live(on: Runner, now: datetime, within: timedelta = SILENT) -> list[Node]:
    """Return the nodes that were heard of lately, by name."""
    return [_node(row) for row in _LIVE.all(on, since=now - within)]


def holding(on: Runner, now: datetime) -> list[Node]:
    """Return the nodes with workers that may still hold something."""
    return [_node(row) for row in _LIVE_WORKERS.all(on, since=now - GONE)]


def drain(session: Session, named: str, now: datetime | None) -> list[Node]:
    """Let nodes of a name, or the one of an id, take no work since a moment; None: take it again.

    Returns them.
    """
    found = list(session.scalars(select(Node).where(or_(Node.name == named, Node.id == named))))
    for node in found:
        node.drain_since = now if now is None else (node.drain_since or now)
    return found


def forget_old(session: Session, now: datetime) -> None:
    """Remove the rows of nodes that were not heard of for a day."""
    session.execute(delete(Node).where(Node.seen_at < now - FORGOTTEN))


def _node(row: tuple[Any, ...]) -> Node:
    return Node.detached(dict(zip(_COLUMNS, row, strict=True)))
