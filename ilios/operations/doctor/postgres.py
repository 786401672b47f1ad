"""A PostgreSQL database: its server, its connections, its schema and its rows. Only reads.

What it stands on is imported by functions: a machine with a SQLite file may lack the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr
from sqlalchemy.exc import DatabaseError

from ilios.core import data_folder
from ilios.core.errors import DatabaseBusy, DatabaseRefused
from ilios.core.processes import is_locked
from ilios.core.settings import Settings
from ilios.db.driver_session import DriverSession
from ilios.db.models import REVISION
from ilios.db.opening import open_database
from ilios.db.revision import why_not_served
from ilios.operations.doctor import overcounts
from ilios.operations.doctor.finding import Finding, error, ok, refused, skipped, warning
from ilios.operations.doctor.schema import missing_of

if TYPE_CHECKING:
    from ilios.db.postgres.server_checks import Server

CHECK: Final = "database"
CONNECTIONS_CHECK: Final = "connections"
DURABILITY_CHECK: Final = "durability"
NEARLY_ALL: Final = 0.9  #: of the connections
RESTORE: Final = "Another program has changed it: stop the service, and restore the last backup."


def examine(settings: Settings, url: SecretStr, known: Collection[str]) -> Iterator[Finding]:
    """Check server and schema; `url` is that of the server itself, `known` are our revisions."""
    try:
        from ilios.db.postgres import server_checks, starting, versions

        name = server_checks.setting_of_server(settings)
        with closing(server_checks.opened(starting.connector(url), name)) as connection:
            server = server_checks.look(connection)
            if faults := [*server_checks.faults(server, settings)]:
                yield from (error(CHECK, *fault) for fault in faults)
                return
            yield from _of_server(server, settings)
            found = starting.revision(connection)
            takes_us = versions.is_newer_and_takes_us(connection, found)
            yield _of_schema(connection, name, found, known, takes_us=takes_us)
        if found == REVISION:
            starting.require_current(settings, url)  # by way of a pooler, too
            yield from _of_rows(settings)
    except (DatabaseRefused, DatabaseBusy) as refusal:
        yield refused(CHECK, refusal)


def looked_at(settings: Settings, check: str, look: Callable[[DriverSession], Finding]) -> Finding:
    """Return what is to be said of the rows of a database of this version."""
    try:
        from ilios.db.postgres import starting

        if settings.server_url is not None:
            starting.require_current(settings, settings.server_url)
        with closing(open_database(settings)) as database, database.reading() as session:
            return look(session)
    except (DatabaseRefused, DatabaseBusy, DatabaseError):
        return skipped(check, "Repair the database first.")


def _of_server(server: Server, settings: Settings) -> Iterator[Finding]:
    from ilios.db.postgres.server_checks import Need

    need = Need.of(settings).at_server(has_pooler=settings.database_direct_url is not None)
    counted = f"{server.taken} of {server.places} connections are in use"
    is_running = is_locked(data_folder.web_lock(settings))
    more = "lower DATABASE_POOL_SIZE, raise max_connections, or put a pooler between"
    if not is_running and server.taken + need > server.places:
        yield warning(
            CONNECTIONS_CHECK,
            f"{counted}, and this node may need {need} more.",
            f"{more[0].upper()}{more[1:]}.",
        )
    elif server.taken > NEARLY_ALL * server.places:
        yield warning(CONNECTIONS_CHECK, f"{counted}.", f"{more[0].upper()}{more[1:]}.")
    else:
        yield ok(CONNECTIONS_CHECK, f"{counted}; this node may take {need}.")
    if server.risks:
        names = ", ".join(server.risks)
        yield warning(
            DURABILITY_CHECK,
            f"PostgreSQL has {names} off: when its machine fails, what was acknowledged may be "
            "lost.",
            f"Switch on: {names}.",
        )
    else:
        yield ok(DURABILITY_CHECK, "What is acknowledged outlives a failure of the server.")


def _of_schema(
    connection: Any, name: str, found: str | None, known: Collection[str], *, takes_us: bool
) -> Finding:
    it = f"The database of {name}"
    if found is None:
        return ok(CHECK, f"{it} is empty: the first start fills it.")
    if found == REVISION:
        return _of_parts(connection, it)
    if told := why_not_served(found):
        return refused(CHECK, DatabaseRefused(f"{it} {told}."))
    if found in known:
        return warning(
            CHECK,
            f"{it} has schema {found}; the next start makes it {REVISION}.",
            "Keep a backup first: there is no way back without one.",
        )
    if takes_us:
        return ok(CHECK, f"{it} has schema {found} of a newer version, which takes this one too.")
    return error(
        CHECK,
        f"{it} has schema {found}, which is newer than this version of Ilios.",
        "Start the newer version, or restore the backup made before the upgrade.",
    )


def _of_parts(connection: Any, it: str) -> Finding:
    from ilios.db.postgres import starting

    if missing := [*_missing(connection)]:
        more = f" and {len(missing) - 1} more parts" if len(missing) > 1 else ""
        return error(CHECK, f"{it} lacks the {missing[0]}{more} of its schema.", RESTORE)
    if absent := starting.missing_triggers(connection):
        return error(
            CHECK,
            f"{it} lacks the trigger {absent[0]}.",
            "Restart the service: a start makes it. Then run: ilios keys recount",
        )
    return ok(CHECK, f"{it} has schema {REVISION}, as this version needs it.")


def _missing(connection: Any) -> Iterator[str]:
    columns = connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema()"
    ).fetchall()
    indexes = connection.execute(
        "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
    ).fetchall()
    tables: dict[str, set[str]] = {}
    for table, column in columns:
        tables.setdefault(table, set()).add(column)
    return missing_of(tables, {index for (index,) in indexes})


def _of_rows(settings: Settings) -> Iterator[Finding]:
    with closing(open_database(settings)) as database, database.reading() as session:
        yield from overcounts.of(session)
