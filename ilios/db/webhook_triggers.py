"""The outbox of webhooks, written by triggers: an event and what it tells of share a statement.

Many statements end documents. A trigger belongs to the one that fires it, so that none of them can
forget an event, and none is there without its cause, whichever process is killed (ADR 0041). All
functions but `follow_schema` take a connection of the driver, inside a transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from ilios.db import revision, triggers

PREFIX: Final = "webhooks_"  #: of our triggers
DELIVERIES_MAX: Final = 20_000
"""Of an owner: beyond, the oldest are dropped, also those that were not delivered."""

OPEN: Final = "('awaiting_upload', 'pending', 'processing')"
ENDED: Final = "('completed', 'failed', 'cancelled')"
_MOMENT: Final = "max(NEW.created_at, coalesce(NEW.deleted_at, NEW.processed_at, NEW.created_at))"
"""When the statement was run, as far as it says so: SQL knows no clock of ours."""
OF_KEY: Final = "(SELECT webhook_url FROM api_keys WHERE owner = NEW.owner AND revoked_at IS NULL)"
BATCH_URL: Final = "(SELECT webhook_url FROM batches WHERE id = NEW.batch_id)"
ALL_OF_BATCH: Final = "FROM documents WHERE batch_id = NEW.batch_id"
IS_BATCH_OPEN: Final = f"EXISTS (SELECT 1 {ALL_OF_BATCH} AND status IN {OPEN})"
IS_BATCH_WHOLE: Final = (
    f"(SELECT count(*) {ALL_OF_BATCH}) = "
    "(SELECT total_documents FROM batches WHERE id = NEW.batch_id)"
)


def _json(fields: Mapping[str, str]) -> str:
    """Return SQL for an object of these names and SQL values."""
    return "json_object(" + ", ".join(f"'{name}', {value}" for name, value in fields.items()) + ")"


def _iso(column: str) -> str:
    """Return SQL for a moment as `ilios.core.clock.iso` writes it: cut, while `%f` rounds."""
    return f"strftime('%Y-%m-%dT%H:%M:%S.', {column}) || substr({column} || '.000', 21, 3) || 'Z'"


def _count(*statuses: str) -> str:
    listed = ", ".join(f"'{status}'" for status in statuses)
    return f"(SELECT count(*) {ALL_OF_BATCH} AND status IN ({listed}))"


def _has(*statuses: str) -> str:
    return f"{_count(*statuses)} > 0"


_COMPLETED: Final = ("completed", "archived")
_OF_DOCUMENT: Final = {
    "fileName": "NEW.file_name",
    "createdAt": _iso("NEW.created_at"),
    "startedAt": _iso("NEW.started_at"),
    "processedAt": _iso("NEW.processed_at"),
    "pagesTotal": "NEW.page_count",
    "partial": "json(iif(NEW.status = 'completed' AND NEW.failed_pages IS NOT NULL, "
    "'true', 'false'))",
    "error": "NEW.error",
    "errorCode": "NEW.error_code",
}
OF_BATCH: Final = {
    "status": f"CASE WHEN {_has(*_COMPLETED)} THEN 'completed' WHEN {_has('failed')} THEN 'failed' "
    f"WHEN {_has('cancelled')} THEN 'cancelled' ELSE 'completed' END",
    "total": "(SELECT total_documents FROM batches WHERE id = NEW.batch_id)",
    "completed": _count(*_COMPLETED),
    "failed": _count("failed"),
    "cancelled": _count("cancelled"),
    "deleted": _count("deleted"),
}


def follow_schema(connection: Connection) -> None:
    """Make the triggers when the database is at the newest schema, after all migrations."""
    driver: Any = connection.connection.driver_connection
    if revision.is_newest(driver):
        install(driver)


def install(connection: Any) -> None:
    """Make the triggers, unless all of them are there as they should be."""
    triggers.install(connection, PREFIX, _triggers())


def are_installed(connection: Any) -> bool:
    return triggers.are_installed(connection, PREFIX, _triggers())


def _triggers() -> dict[str, str]:
    """Return name and SQL of each trigger."""
    bodies = {
        f"document_added AFTER INSERT ON documents WHEN NEW.status IN {ENDED}": (
            _document_event(f"NEW.status IN {ENDED}")
            + _batch_event(f"NOT {IS_BATCH_OPEN} AND {IS_BATCH_WHOLE}")
        ),
        "document_changed AFTER UPDATE OF status ON documents "
        f"WHEN OLD.status <> NEW.status AND NEW.status NOT IN {OPEN}": (
            _document_event(f"NEW.status IN {ENDED}")
            + _batch_event(f"OLD.status IN {OPEN} AND NOT {IS_BATCH_OPEN}")
            # What was told of the document goes with it; ids and addresses stay.
            + "UPDATE webhook_deliveries SET details = NULL "
            "WHERE stream = NEW.id AND NEW.status = 'deleted'; "
        ),
        "delivery_added AFTER INSERT ON webhook_deliveries": (
            "DELETE FROM webhook_deliveries "
            f"WHERE owner = NEW.owner AND number <= NEW.number - {DELIVERIES_MAX}; "
        ),
    }
    return triggers.of_bodies(PREFIX, bodies)


def _document_event(condition: str) -> str:
    url = f"coalesce(NEW.webhook_url, {BATCH_URL}, {OF_KEY})"
    return _event("'document.' || NEW.status", "NEW.id", url, condition, _OF_DOCUMENT, "NEW.id")


def _batch_event(condition: str) -> str:
    url = f"coalesce({BATCH_URL}, {OF_KEY})"
    condition = f"NEW.batch_id IS NOT NULL AND {condition}"
    return _event("'batch.completed'", "NEW.batch_id", url, condition, OF_BATCH, "NULL")


def _event(
    kind: str, stream: str, url: str, condition: str, details: Mapping[str, str], document_id: str
) -> str:
    """Return the statement that inserts an event, if there is an address for it."""
    values = {
        "owner": "NEW.owner",
        "number": "(SELECT coalesce(max(number), 0) + 1 FROM webhook_deliveries "
        "WHERE owner = NEW.owner)",
        "id": "lower(hex(randomblob(12)))",
        "event_id": "lower(hex(randomblob(12)))",
        "stream": stream,
        "type": kind,
        "document_id": document_id,
        "batch_id": "NEW.batch_id",
        "url": "target.url",
        # The address has a slash behind its host: see ilios.outbound.addresses.
        "receiver": "substr(target.url, 1, 8 + instr(substr(target.url, 9), '/'))",
        "details": _json(details),
        "occurred_at": _MOMENT,
        "created_at": _MOMENT,
        "status": "'pending'",
        "attempts": "0",
        "next_attempt_at": "iif(EXISTS (SELECT 1 FROM webhook_deliveries "
        f"WHERE stream = {stream} AND status IN ('pending', 'sending')), NULL, {_MOMENT})",
    }
    return (
        f"INSERT INTO webhook_deliveries ({', '.join(values)}) "
        f"SELECT {', '.join(values.values())} FROM (SELECT {url} AS url) AS target "
        f"WHERE target.url IS NOT NULL AND {condition}; "
    )
