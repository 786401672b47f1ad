"""The predecessor's schema: how a database of it is recognised."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class LegacyTable:
    """Columns that we read, and all that there may be: some are of no use here."""

    required: frozenset[str]
    known: frozenset[str]


def _table(required: str, optional: str) -> LegacyTable:
    columns = frozenset(required.split())
    return LegacyTable(columns, columns | frozenset(optional.split()))


OPTIONAL_TABLE: Final = "batches"  #: the oldest versions have none

TABLES: Final = {
    "documents": _table(
        "id file_name mime_type file_size s3_key content metadata status error created_at "
        "processed_at archived_at retention_days api_key",
        "user_id batch_id",
    ),
    "usage": _table(
        "id document_id api_key operation input_tokens output_tokens base_cost_cents margin_rate "
        "total_cost_cents created_at",
        "user_id",
    ),
    "job_queue": _table(
        "id document_id type status priority attempts error started_at completed_at created_at",
        "max_attempts payload result worker_id scheduled_at",
    ),
    OPTIONAL_TABLE: _table(
        "id api_key total_documents priority created_at",
        "user_id completed_documents failed_documents status batch_type mistral_batch_job_id "
        "mistral_input_file_id mistral_output_file_id completed_at metadata",
    ),
}


TOOLS_PREFIXES: Final = ("_", "libsql_")
"""Tables of migration and replication tools."""


def table_names(connection: Any) -> frozenset[str]:
    """Return the tables of a SQLite database, without SQLite's own."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return frozenset(name for (name,) in rows if not name.startswith("sqlite_"))


def difference(connection: Any) -> str | None:
    """Return how the database differs from one of the predecessor; None when it is one."""
    tables = {t for t in table_names(connection) if not t.startswith(TOOLS_PREFIXES)}
    missing = TABLES.keys() - tables - {OPTIONAL_TABLE}
    unknown = tables - TABLES.keys()
    if missing or unknown:
        return _differs("tables", missing, unknown)
    for name in sorted(tables):
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
        lacking, strange = TABLES[name].required - columns, columns - TABLES[name].known
        if lacking or strange:
            return _differs(f"columns of {name}", lacking, strange)
    return None


def _differs(what: str, missing: Set[str], unknown: Set[str]) -> str:
    parts = [
        f"{word} {', '.join(sorted(names))}"
        for word, names in (("without", missing), ("with", unknown))
        if names
    ]
    return f"{what} {' and '.join(parts)}"
