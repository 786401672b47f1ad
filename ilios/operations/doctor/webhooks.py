"""Webhooks: whether events are written, can be signed, and go out. Only reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ilios.accounts import key_webhooks, webhook_secrets
from ilios.core import clock, data_folder, key_files
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.db import webhook_triggers
from ilios.operations.doctor import rows
from ilios.operations.doctor.finding import Finding, error, ok, refused, warning

CHECK: Final = "webhooks"
LATE: Final = timedelta(hours=2)

_KEYS: Final = """
    SELECT id, name, webhook_url, webhook_secrets, webhook_secret_hash FROM api_keys
    WHERE revoked_at IS NULL AND (webhook_url IS NOT NULL OR webhook_secret_hash IS NOT NULL)
"""
_WAITING: Final = "SELECT count(*), min(created_at) FROM webhook_deliveries WHERE ended_at IS NULL"


def examine(settings: Settings) -> Iterator[Finding]:
    """Check the triggers of the outbox, the secrets of the keys, and how long events wait."""
    return rows.examine(
        settings,
        CHECK,
        lambda connection: _look(connection, settings),
        lambda session: _of_rows(session.driver, settings),
    )


def _look(connection: Any, settings: Settings) -> Finding:
    if not webhook_triggers.are_installed(connection):
        return error(
            CHECK,
            "The database's triggers that write events are not all there, so that webhooks miss "
            "some.",
            "Restart the service: a start makes them.",
        )
    return _of_rows(connection, settings)


def _of_rows(connection: Any, settings: Settings) -> Finding:
    keys = connection.execute(_KEYS).fetchall()
    return _of_secrets(keys, settings) or _of_backlog(connection, len(keys))


def _of_secrets(keys: list[tuple[Any, ...]], settings: Settings) -> Finding | None:
    derived = [key for key in keys if key[4] is not None]
    lost = [name for _, name, *_ in derived]
    path = data_folder.webhook_key(settings)
    if derived and path.exists():
        try:
            instance_key = key_files.read(path, webhook_secrets.CONSEQUENCE)
        except StartupError as refusal:
            return refused(CHECK, refusal)
        lost = [
            name
            for key_id, name, _, number, wanted in derived
            if key_webhooks.hash_of(key_webhooks.derived(instance_key, key_id, number)) != wanted
        ]
    if lost:
        return error(
            CHECK,
            f"{path} is not the key that the webhook secrets of {_listed(lost)} come from, so that "
            "their events cannot be signed.",
            "Restore that file from a backup, or give these keys new secrets (ilios keys webhook "
            "KEY --secret new).",
        )
    unsigned = [name for _, name, url, _, wanted in keys if url and wanted is None]
    if unsigned and settings.webhook_secret is None:
        return error(
            CHECK,
            f"{_listed(unsigned)} has a webhook, and nothing to sign its events with.",
            "Set WEBHOOK_SECRET, or run: ilios keys webhook KEY --secret new",
        )
    return None


def _of_backlog(connection: Any, keys: int) -> Finding:
    waiting, oldest = connection.execute(_WAITING).fetchone()
    if oldest is not None:
        if isinstance(oldest, str):  # as SQLite has it
            oldest = datetime.fromisoformat(oldest).replace(tzinfo=UTC)
        waits = clock.now() - oldest
        if waits > LATE:
            return warning(
                CHECK,
                f"{waiting} events wait to be delivered, the first of them for "
                f"{waits // timedelta(hours=1)} hours.",
                "The lines webhook.attempt_failed of the log name the host and the reason.",
            )
    return ok(CHECK, f"{keys} keys have a webhook; {waiting} events wait.")


def _listed(names: list[str]) -> str:
    more = len(names) - 1
    return f"{names[0]} and {more} more" if more else names[0]
