"""This process's node: it joins, gives signs of life, and leaves."""

from __future__ import annotations

import socket
from contextlib import closing

import ilios
from ilios.cluster import bucket_owner, compatibility, nodes, shared_keys
from ilios.cluster.nodes import Identity
from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.database import SHORT_TIMEOUT, Database, Scope
from ilios.db.opening import open_database
from ilios.storage.base import ObjectStore


def identity(settings: Settings, kind: str) -> Identity:
    """Return who this node is. Raises StartupError for a data folder whose id is none."""
    return _identity(settings, kind, data_folder.node_id(settings))


def _identity(settings: Settings, kind: str, node_id: str) -> Identity:
    return Identity(
        id=node_id,
        kind=kind,
        name=settings.node,
        host=socket.gethostname(),
        version=ilios.__version__,
        started_at=clock.now(),
    )


def would_be(settings: Settings, kind: str) -> Identity:
    """Return who this node would be; of a data folder without an id, nobody in particular."""
    if not data_folder.node_id_file(settings).exists():
        return _identity(settings, kind, "")
    return identity(settings, kind)


def join(settings: Settings, kind: str) -> None:
    """Check that this node may work beside those that live, and have the keys.

    Raises StartupError.
    """
    with closing(open_database(settings, SHORT_TIMEOUT)) as database:
        with database.reading() as session:
            live = nodes.live(session, clock.now())
        me = identity(settings, kind)
        compatibility.require_beside(live, me)
        if settings.s3_bucket is None:
            compatibility.require_bucket(live, me)
        shared_keys.provide(settings, database)
        if settings.s3_bucket is not None:
            with closing(_probing(settings)) as store:
                bucket_owner.claim(database, store)


def require_bucket(settings: Settings, database: Database) -> None:
    """Raise BucketOfAnother if another database has the bucket, where there is one."""
    if settings.s3_bucket is not None:
        with closing(_probing(settings)) as store:
            bucket_owner.require(database, store)


def require_no_cluster(settings: Settings) -> None:
    """Raise BucketOfAnother if a cluster works in the bucket of a service that is not its node."""
    with closing(_probing(settings)) as store:
        bucket_owner.require_no_cluster(store, clock.now())


def _probing(settings: Settings) -> ObjectStore:
    from ilios.storage.opening import open_store  # the S3 client takes a third of a second
    from ilios.storage.s3.store import PROBE_TIMEOUTS

    return open_store(settings, PROBE_TIMEOUTS)


def tidy(database: Database, store: ObjectStore | None) -> None:
    """Forget nodes of long ago, and say that this database works in the bucket, if there is one.

    Raises BucketOfAnother.
    """
    with database.writing(Scope.ROWS) as session:
        nodes.forget_old(session, clock.now())
    if store is not None:
        bucket_owner.claim(database, store)


def have_keys(settings: Settings) -> None:
    """Have the keys of the cluster in this data folder. Raises StartupError."""
    with closing(open_database(settings, SHORT_TIMEOUT)) as database:
        shared_keys.provide(settings, database)


def leave(database: Database, node: Identity) -> None:
    """Say that a node ends: what it held is others' at once."""
    with database.writing(Scope.ROWS) as session:
        nodes.leave(session, node)
