"""The end of documents' passwords on PostgreSQL: see ilios.db.password_triggers.

Its write-ahead log is the server's, and nothing that we could empty: a password is gone at once.
"""

from __future__ import annotations

from ilios.db.password_triggers import FORGET, OF_DOCUMENT, OPEN, PREFIX
from ilios.db.postgres.functions import Trigger


def triggers() -> list[Trigger]:
    """Return the triggers."""
    return [
        Trigger(
            f"{PREFIX}document_ended",
            "AFTER UPDATE OF status ON documents",
            FORGET.format(gone="NULL", which=OF_DOCUMENT) + ";",
            condition=f"OLD.status IN {OPEN} AND NEW.status NOT IN {OPEN}",
        )
    ]
