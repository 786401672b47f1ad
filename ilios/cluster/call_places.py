"""Places for calls to a provider, of which all nodes together have PROVIDER_CONCURRENCY.

A node leases them with its signs of life, and reports those that its workers may still fill. Takes
a session, never commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ilios.cluster.nodes import Identity, Said
from ilios.cluster.shares import shares
from ilios.db.models.cluster import Node

PLACES_LOCK: Final = 0x706C6163657320  #: advisory locks are numbers: `places `
_LOCK: Final = select(func.pg_advisory_xact_lock(PLACES_LOCK))


def limit_of(found: Collection[Node], own: int | None) -> int | None:
    """Return the least number that a node has been given; None where no node has one."""
    limits = [own, *(node.calls_limit for node in found)]
    return min((limit for limit in limits if limit is not None), default=None)


def lock(session: Session) -> None:
    """Let no other node lease places before the end of the transaction."""
    session.execute(_LOCK)


def grant(found: Sequence[Node], me: Identity, said: Said) -> int | None:
    """Return the places that a node may fill; None where nobody limits them.

    It is what the node wants in proportion to others, as far as those that live hold no more than
    the rest. `found` was read under the lock.
    """
    limit = limit_of(found, said.calls_limit)
    if limit is None:
        return None
    others = [node for node in found if node.id != me.id]
    wanted = {node.id: node.calls_wanted for node in others}
    fair = shares(limit, {**wanted, me.id: said.calls_wanted})[me.id]
    free = limit - sum(node.calls_held for node in others)
    return max(0, min(fair, free))
