"""What commands open of a service: its database and store, and the bell of its supervisor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ilios.documents.retention.service import Retention
    from ilios.operations.job_admin import Operating


@contextmanager
def operating() -> Iterator[Operating]:
    """Raises StartupError for settings, or a database, that the service would refuse too."""
    from ilios import storage
    from ilios.core import data_folder, settings
    from ilios.core.telemetry import logs
    from ilios.db.database import Database
    from ilios.documents.lifecycle import Housekeeping
    from ilios.migration import upgrade as migrations
    from ilios.operations.job_admin import Operating
    from ilios.queue.notify import Bell

    loaded = settings.load()
    logs.configure(loaded, "operator", sys.stderr)
    migrations.require_current(loaded)
    database = Database(loaded.database_path, loaded.sqlite_synchronous)
    with closing(database), closing(Bell(data_folder.wake_socket(loaded))) as bell:
        store = storage.open_store(loaded)
        housekeeping = Housekeeping(loaded, database, store, bell)
        yield Operating(database, housekeeping, bell)


@contextmanager
def retention() -> Iterator[Retention]:
    """Raises what `operating` raises."""
    from ilios import storage
    from ilios.core import settings
    from ilios.core.telemetry import logs
    from ilios.db.database import Database
    from ilios.documents.retention.service import Retention
    from ilios.migration import upgrade as migrations

    loaded = settings.load()
    logs.configure(loaded, "operator", sys.stderr)
    migrations.require_current(loaded)
    with closing(Database(loaded.database_path, loaded.sqlite_synchronous)) as database:
        yield Retention(loaded, database, storage.open_store(loaded))
