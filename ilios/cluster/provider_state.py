"""What the governors of all nodes know of a provider: one row. Takes a session, never commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ilios.db.dialects import upsert
from ilios.db.models.cluster import ProviderState
from ilios.db.prepared import Prepared, Runner
from ilios.engines.governor import Memory, Outcome

_FOUND = select(ProviderState.memory).where(ProviderState.lane == bindparam("of_lane"))
_READ = Prepared(_FOUND)
_READ_LOCKED = Prepared(_FOUND.with_for_update())
_PUT = upsert(ProviderState)
_WRITE = Prepared(
    _PUT.on_conflict_do_update(
        index_elements=[ProviderState.lane], set_={"memory": _PUT.excluded.memory}
    ),
    ["lane", "memory"],
)
_BEGIN = Prepared(_PUT.on_conflict_do_nothing(), ["lane", "memory"])


def read(on: Runner, lane: str) -> Memory:
    """Return what is known; an empty memory before anything was learnt."""
    row = _READ.first(on, of_lane=lane)
    return _memory(row[0]) if row else Memory()


def lock(session: Session, lane: str) -> Memory:
    """Return what is known, and let nobody else change it before the end of the transaction."""
    _BEGIN.run(session, lane=lane, memory=asdict(Memory()))
    ((found,),) = _READ_LOCKED.all(session, of_lane=lane)
    return _memory(found)


def write(session: Session, lane: str, memory: Memory) -> None:
    """Replace what is known; `lock` comes before."""
    _WRITE.run(session, lane=lane, memory=asdict(memory))


def _memory(found: Mapping[str, Any]) -> Memory:
    """Return a memory of the database, which a version may have written that knows more."""
    known = {name: found[name] for name in Memory.__slots__ if name in found}
    return Memory(**{**known, "paused_by": Outcome(known.get("paused_by", Outcome.ANSWERED))})
