"""What operators do to the nodes of a cluster."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ilios.cluster import nodes
from ilios.core import clock
from ilios.core.errors import CommandFailed
from ilios.db.database import Database, Scope
from ilios.db.models.cluster import Node


class NodeNotFound(CommandFailed):
    """No node has the name that an operator gave."""

    code = "node_not_found"


class NodeAdmin:
    """Acts on nodes, which are named by their name or their id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def nodes(self) -> list[Node]:
        """Return the nodes that were heard of within the last day, by name."""
        with self._database.reading() as session:
            return nodes.live(session, clock.now(), nodes.FORGOTTEN)

    def drain(self, named: str) -> list[Node]:
        """Let nodes take no new work. Raises NodeNotFound."""
        with self._database.writing(Scope.ROWS) as session:
            now = clock.now()
            nodes.forget_old(session, now)
            return _required(session, named, nodes.drain(session, named, now))

    def resume(self, named: str) -> list[Node]:
        """Let nodes take work again. Raises NodeNotFound."""
        with self._database.writing(Scope.ROWS) as session:
            return _required(session, named, nodes.drain(session, named, None))


def _required(session: Session, named: str, found: list[Node]) -> list[Node]:
    if not found:
        raise NodeNotFound(f"There is no node {named}: `ilios nodes list` has them all.")
    session.flush()
    for node in found:
        session.expunge(node)
    return found
