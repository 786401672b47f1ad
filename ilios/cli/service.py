"""Open what commands use of a service: its database, its store, its supervisor's socket."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ilios.documents.retention.service import Retention
    from ilios.operations.job_admin import JobAdmin
    from ilios.operations.node_admin import NodeAdmin
    from ilios.operations.search_admin import SearchAdmin


@contextmanager
def job_admin() -> Iterator[JobAdmin]:
    """Open what changes jobs.

    Raises StartupError for settings, or a database, that the service would refuse too.
    """
    from ilios.core import settings
    from ilios.core.telemetry import logs
    from ilios.db import schema_version
    from ilios.db.opening import open_database
    from ilios.documents.lifecycle import DocumentActions
    from ilios.operations.job_admin import JobAdmin
    from ilios.queue.notify import open_notifier
    from ilios.storage.opening import open_store

    loaded = settings.load()
    logs.configure(loaded, "operator", sys.stderr)
    schema_version.require_current(loaded)
    database = open_database(loaded)
    notifier = open_notifier(loaded, database)
    with closing(database):
        store = open_store(loaded)
        actions = DocumentActions(loaded, database, store, notifier)
        yield JobAdmin(database, actions, notifier)


@contextmanager
def node_admin() -> Iterator[NodeAdmin]:
    """Open what looks after the nodes of a cluster. Raises what `job_admin` raises."""
    from ilios.core import settings
    from ilios.core.errors import SettingsError
    from ilios.core.telemetry import logs
    from ilios.db import schema_version
    from ilios.db.opening import open_database

    loaded = settings.load()
    if loaded.database_url is None:
        raise SettingsError("DATABASE_URL is not set: a service on a SQLite file is one node.")
    from ilios.operations.node_admin import NodeAdmin

    logs.configure(loaded, "operator", sys.stderr)
    schema_version.require_current(loaded)
    with closing(open_database(loaded)) as database:
        yield NodeAdmin(database)


@contextmanager
def search_admin() -> Iterator[SearchAdmin]:
    """Open what looks after the full-text index. Raises what `job_admin` raises."""
    from ilios.core import settings
    from ilios.core.telemetry import logs
    from ilios.db import schema_version
    from ilios.db.opening import open_database
    from ilios.operations.search_admin import SearchAdmin

    loaded = settings.load()
    logs.configure(loaded, "operator", sys.stderr)
    schema_version.require_current(loaded)
    with closing(open_database(loaded)) as database:
        yield SearchAdmin(database)


@contextmanager
def retention() -> Iterator[Retention]:
    """Open what applies the retention. Raises what `job_admin` raises."""
    from ilios.core import settings
    from ilios.core.telemetry import logs
    from ilios.db import schema_version
    from ilios.db.opening import open_database
    from ilios.documents.retention.service import Retention
    from ilios.storage.opening import open_store

    loaded = settings.load()
    logs.configure(loaded, "operator", sys.stderr)
    schema_version.require_current(loaded)
    with closing(open_database(loaded)) as database:
        yield Retention(loaded, database, open_store(loaded))
