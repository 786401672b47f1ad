"""Pages that the provider has counted beyond those that it was sent. Only reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from ilios.accounts import ledger
from ilios.core import clock
from ilios.operations.doctor.finding import Finding, warning

CHECK: Final = "ledger"
PERIOD: Final = timedelta(days=30)


def of(session: Session) -> Iterator[Finding]:
    """Warn of them, if there are any."""
    calls, pages = ledger.overcounted(session, clock.now() - PERIOD)
    if calls:
        yield warning(
            CHECK,
            f"In the last {PERIOD.days} days Mistral counted {pages} pages more than it was "
            f"sent, in {calls} calls. They were not charged to keys.",
            "Compare with its bill; call.overcounted in the log names the calls.",
        )
