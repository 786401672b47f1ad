"""What commands open of a service: its database and store, and the bell of its supervisor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ilios.operating import Operating
    from ilios.retention import Retention


@contextmanager
def operating() -> Iterator[Operating]:
    """Raises StartupError for settings, or a database, that the service would refuse too."""
    from ilios import data_folder, logs, migrations, settings, storage
    from ilios.database import Database
    from ilios.housekeeping import Housekeeping
    from ilios.operating import Operating
    from ilios.wakeup import Bell

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
    from ilios import logs, migrations, settings, storage
    from ilios.database import Database
    from ilios.retention import Retention

    loaded = settings.load()
    logs.configure(loaded, "operator", sys.stderr)
    migrations.require_current(loaded)
    with closing(Database(loaded.database_path, loaded.sqlite_synchronous)) as database:
        yield Retention(loaded, database, storage.open_store(loaded))
