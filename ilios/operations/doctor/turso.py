"""Replication to Turso: the remote, and whether this volume may write to it."""

from __future__ import annotations

from collections.abc import Iterator

from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.operations.doctor.finding import Finding, ok, refused, skipped

CHECK = "Turso"


def examine(settings: Settings) -> Iterator[Finding]:
    """Check the remote; change nothing there."""
    if not settings.use_embedded_replica:
        yield skipped(CHECK, "Replication is off.")
        return
    if settings.turso_database_url is None or settings.turso_auth_token is None:
        yield skipped(CHECK, "Its address and its token are not both set.")
        return
    from ilios.replication import preflight

    try:
        preflight.examine(settings)
    except StartupError as refusal:
        yield refused(CHECK, refusal)
    else:
        yield ok(CHECK, "The remote is there, and this volume's to write to.")
