"""What the nodes of a cluster share: its tables, which this database alone has, and its functions.

They are made with each migration. What a version changes of a table that is there, its script in
alembic/ does.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, MetaData, text

from ilios.db.models.cluster import LEAST_COMPATIBLE
from ilios.db.postgres import functions, request_rates
from ilios.db.postgres.functions import Trigger

_IDENTITY: Final = (
    "SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || oid "
    "FROM pg_database WHERE datname = current_database()"
)
_COMPATIBLE = text(
    "INSERT INTO cluster (id, least_compatible) VALUES (1, :least) "
    "ON CONFLICT (id) DO UPDATE SET least_compatible = excluded.least_compatible"
)


def follow(connection: Connection, tables: MetaData) -> None:
    """Make what is missing; this version's nodes work with it from then on."""
    tables.create_all(connection)
    driver: Any = connection.connection.driver_connection
    request_rates.install(driver)
    functions.install(driver, triggers())
    connection.execute(_COMPATIBLE, {"least": LEAST_COMPATIBLE})


def database_identity(driver: Any) -> str:
    """Return what tells this database from all others, a copy of it among them.

    Takes a connection of the driver.
    """
    ((found,),) = driver.execute(_IDENTITY).fetchall()
    return str(found)


def triggers() -> list[Trigger]:
    """Return the triggers: a paid answer is kept until the transaction that ends its call."""
    return [
        Trigger(
            "paid_answer_recorded",
            "AFTER UPDATE OF state ON usage",
            "DELETE FROM paid_answers WHERE call_id = NEW.call_id;",
            condition="NEW.state = 'settled' AND OLD.state <> 'settled'",
        )
    ]
