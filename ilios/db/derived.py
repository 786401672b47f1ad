"""All that SQLite keeps beside the tables, out of them: triggers, totals and the search index."""

from __future__ import annotations

from typing import Any, Final

from ilios.db import owner_totals, password_triggers, search_index, webhook_triggers

PREFIXES: Final = (owner_totals.PREFIX, webhook_triggers.PREFIX, password_triggers.PREFIX)
"""Of the triggers, but those of the search index."""


def install(connection: Any) -> None:
    """Make what is not there as it should be; takes a connection of the driver, in a transaction.

    The search index begins empty, and the workers fill it.
    """
    owner_totals.install(connection)
    search_index.install(connection)
    webhook_triggers.install(connection)
    password_triggers.install(connection)
