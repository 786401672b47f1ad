"""What keys hold, as noted for their limits, against documents and pages. Only reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ilios.core.settings import Settings
from ilios.db import owner_totals
from ilios.operations.doctor import rows
from ilios.operations.doctor.finding import Finding, error, ok

CHECK: Final = "stored bytes"


def examine(settings: Settings) -> Iterator[Finding]:
    """Count anew what each owner holds, and compare it with what submits are checked against."""
    return rows.examine(settings, CHECK, _look, lambda session: _compare(session.driver))


def _look(connection: Any) -> Finding:
    if not owner_totals.are_installed(connection):
        return error(
            CHECK,
            "The database's triggers that keep the sums of what keys hold are not all there.",
            "Restart the service: a start makes them, and counts anew.",
        )
    return _compare(connection)


def _compare(connection: Any) -> Finding:
    wrong = len(owner_totals.differences(connection))
    if wrong:
        return error(
            CHECK,
            f"What {wrong} keys hold is noted wrongly, so that their limits are met too early or "
            "too late.",
            "Run: ilios keys recount",
        )
    return ok(CHECK, "What keys hold is noted as their documents add up to.")
