"""Which versions work together: checked at every start, and before a migration. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ilios.cluster.nodes import Identity
from ilios.core.errors import StartupError
from ilios.db.models.cluster import Node


class NodesIncompatible(StartupError):
    """Nodes of versions that cannot work together, or two that are one."""

    code = "nodes_incompatible"


def require_beside(live: Iterable[Node], me: Identity) -> None:
    """Raise NodesIncompatible if a live node and this one cannot work on one database."""
    for other in live:
        if (other.id, other.kind) == (me.id, me.kind):
            _require_same_host(other, me)
        elif other.compatibility < me.least_compatible:
            raise NodesIncompatible(
                f"Node {other.name} ({other.kind}) runs Ilios {other.version}, which cannot work "
                f"beside {me.version}: update it to the version in between, or stop it, first."
            )
        elif me.compatibility < other.least_compatible:
            raise NodesIncompatible(
                f"This is Ilios {me.version}, which cannot work beside {other.version} on node "
                f"{other.name} ({other.kind}): start that version here, or the one in between."
            )


def require_bucket(live: Iterable[Node], me: Identity) -> None:
    """Raise NodesIncompatible if another node lives; for one that has objects in a folder."""
    for other in live:
        if other.id != me.id:
            raise NodesIncompatible(
                f"Node {other.name} works on the same database, and this one has no bucket that "
                "both could have objects in: set S3_BUCKET as there, or stop that node."
            )


def _require_same_host(other: Node, me: Identity) -> None:
    """Raise NodesIncompatible for a node under this one's id on another host.

    One that was killed on this host is this node's predecessor: the lock of its folder is free.
    """
    if other.host != me.host:
        raise NodesIncompatible(
            f"Node {other.name} on the host {other.host} lives under the id of this data folder: "
            "if the folder is a copy, delete the file node-id in it; if it was moved here, start "
            "again in ten seconds."
        )
