"""The nodes of a cluster: whether this one may work beside those that live. Only reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DatabaseError

from ilios.cluster import joining
from ilios.cluster.kinds import WEB, WORKERS
from ilios.core import clock
from ilios.core.errors import DatabaseBusy, DatabaseRefused, StartupError
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.opening import open_database
from ilios.operations.doctor.finding import Finding, ok, refused, skipped

if TYPE_CHECKING:
    from ilios.db.models.cluster import Node

CHECK: Final = "nodes"


def examine(settings: Settings) -> Iterator[Finding]:
    """Check versions, the keys that nodes share, and that no other database has the bucket."""
    if settings.server_url is None:
        yield _of_a_file(settings)
        return
    try:
        from ilios.db.postgres import starting

        starting.require_current(settings, settings.server_url)
        with closing(open_database(settings)) as database:
            yield from _look(settings, database)
    except (DatabaseRefused, DatabaseBusy, DatabaseError):
        yield skipped(CHECK, "Repair the database first.")


def _of_a_file(settings: Settings) -> Finding:
    """Return what is to be said of a service that is no node, or was not told of its database."""
    is_whole = None not in (settings.aws_access_key_id, settings.aws_secret_access_key)
    try:
        if is_whole:
            joining.require_no_cluster(settings)
    except StartupError as refusal:
        return refused(CHECK, refusal)
    return skipped(CHECK, "A service on a SQLite file is one node.")


def _look(settings: Settings, database: Database) -> Iterator[Finding]:
    from ilios.cluster import compatibility, membership, nodes, shared_keys

    with database.reading() as session:
        live = nodes.live(session, clock.now())
        shared = shared_keys.known(session)
    try:
        for kind in (WEB, WORKERS):
            compatibility.require_beside(live, membership.would_be(settings, kind))
        if settings.s3_bucket is None:
            compatibility.require_bucket(live, membership.would_be(settings, WEB))
        shared_keys.require_own(settings, shared)
        membership.require_bucket(settings, database)
    except StartupError as refusal:
        yield refused(CHECK, refusal)
    else:
        yield ok(CHECK, _counted(live))


def _counted(live: list[Node]) -> str:
    if not live:
        return "No node lives."
    names = ", ".join(f"{node.name} ({node.kind})" for node in live)
    return f"{len(live)} live: {names}."
