"""The outbox of webhooks on PostgreSQL: the triggers of ilios.db.webhook_triggers in PL/pgSQL.

They fire once a statement has changed all of its rows. One that ends several documents of a batch
would tell of the batch with each of them: what was told of that moment is not told again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ilios.db.postgres.functions import Trigger
from ilios.db.webhook_triggers import (
    BATCH_URL,
    DELIVERIES_MAX,
    ENDED,
    IS_BATCH_OPEN,
    IS_BATCH_WHOLE,
    OF_BATCH,
    OF_KEY,
    OPEN,
    PREFIX,
)

_NUMBERS_LOCK: Final = 0x696C696F  #: with a hash of the owner: who numbers its deliveries
_MOMENT: Final = (
    "greatest(NEW.created_at, coalesce(NEW.deleted_at, NEW.processed_at, NEW.created_at))"
)
_ID: Final = "left(replace(gen_random_uuid()::text, '-', ''), 24)"


def _iso(column: str) -> str:
    """Return SQL for a moment as `ilios.core.clock.iso` writes it."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


def _json(fields: Mapping[str, str]) -> str:
    listed = ", ".join(f"'{name}', {value}" for name, value in fields.items())
    return f"json_build_object({listed})::text"


_OF_DOCUMENT: Final = {
    "fileName": "NEW.file_name",
    "createdAt": _iso("NEW.created_at"),
    "startedAt": _iso("NEW.started_at"),
    "processedAt": _iso("NEW.processed_at"),
    "pagesTotal": "NEW.page_count",
    "partial": "NEW.status = 'completed' AND NEW.failed_pages IS NOT NULL",
    "error": "NEW.error",
    "errorCode": "NEW.error_code",
}


def triggers() -> list[Trigger]:
    """Return the triggers, in the order in which they are to be made."""
    return [
        Trigger(
            f"{PREFIX}document_added",
            "AFTER INSERT ON documents",
            _document_event() + _batch_event(f"NOT {IS_BATCH_OPEN} AND {IS_BATCH_WHOLE}"),
            condition=f"NEW.status IN {ENDED}",
            declared="target text;",
        ),
        Trigger(
            f"{PREFIX}document_changed",
            "AFTER UPDATE OF status ON documents",
            f"IF NEW.status IN {ENDED} THEN {_document_event()} END IF; "
            + _batch_event(f"OLD.status IN {OPEN} AND NOT {IS_BATCH_OPEN}")
            + "IF NEW.status = 'deleted' THEN "
            "UPDATE webhook_deliveries SET details = NULL WHERE stream = NEW.id; END IF;",
            condition=f"OLD.status <> NEW.status AND NEW.status NOT IN {OPEN}",
            declared="target text;",
        ),
        Trigger(
            f"{PREFIX}delivery_added",
            "AFTER INSERT ON webhook_deliveries",
            "DELETE FROM webhook_deliveries "
            f"WHERE owner = NEW.owner AND number <= NEW.number - {DELIVERIES_MAX};",
            condition=f"NEW.number > {DELIVERIES_MAX}",
        ),
    ]


def _document_event() -> str:
    insertion = _event("'document.' || NEW.status", "NEW.id", _OF_DOCUMENT, "NEW.id")
    return (
        f"target := coalesce(NEW.webhook_url, {BATCH_URL}, {OF_KEY}); "
        f"IF target IS NOT NULL THEN {insertion} END IF; "
    )


def _batch_event(condition: str) -> str:
    """Return the statements that tell of a batch, whose row they lock to see who ended last."""
    is_told = (
        "EXISTS (SELECT 1 FROM webhook_deliveries WHERE stream = NEW.batch_id "
        f"AND type = 'batch.completed' AND occurred_at = {_MOMENT})"
    )
    insertion = _event("'batch.completed'", "NEW.batch_id", OF_BATCH, "NULL")
    return (
        "IF NEW.batch_id IS NOT NULL THEN "
        "PERFORM 1 FROM batches WHERE id = NEW.batch_id FOR NO KEY UPDATE; "
        f"target := coalesce({BATCH_URL}, {OF_KEY}); "
        f"IF target IS NOT NULL AND {condition} AND NOT {is_told} "
        f"THEN {insertion} END IF; END IF; "
    )


def _event(kind: str, stream: str, details: Mapping[str, str], document_id: str) -> str:
    """Return the statements that insert an event for `target`."""
    is_behind = (
        f"EXISTS (SELECT 1 FROM webhook_deliveries WHERE stream = {stream} "
        "AND status IN ('pending', 'sending'))"
    )
    values = {
        "owner": "NEW.owner",
        "number": "(SELECT coalesce(max(number), 0) + 1 FROM webhook_deliveries "
        "WHERE owner = NEW.owner)",
        "id": _ID,
        "event_id": _ID,
        "stream": stream,
        "type": kind,
        "document_id": document_id,
        "batch_id": "NEW.batch_id",
        "url": "target",
        # The address has a slash behind its host: see ilios.outbound.addresses.
        "receiver": "left(target, 8 + position('/' IN substr(target, 9)))",
        "details": _json(details),
        "occurred_at": _MOMENT,
        "created_at": _MOMENT,
        "status": "'pending'",
        "attempts": "0",
        "next_attempt_at": f"CASE WHEN NOT {is_behind} THEN {_MOMENT} END",
    }
    return (
        f"PERFORM pg_advisory_xact_lock({_NUMBERS_LOCK}, hashtext(NEW.owner)); "
        f"INSERT INTO webhook_deliveries ({', '.join(values)}) "
        f"VALUES ({', '.join(values.values())});"
    )
