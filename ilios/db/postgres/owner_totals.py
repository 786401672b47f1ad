"""What each owner holds, on PostgreSQL: the triggers of ilios.db.owner_totals in PL/pgSQL.

An owner has several rows, whose sum counts: see SUMS of ilios.db.postgres.schema. A trigger adds to
that of its connection, which may become negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ilios.db.owner_totals import PARTS, PREFIX, SUMMANDS
from ilios.db.postgres.functions import Trigger

_OF_ADDED: Final = "added JOIN documents AS d ON d.id = added.document_id"
_COLUMNS: Final = ("stored_bytes", "announced_bytes", "waiting_documents")


def triggers() -> list[Trigger]:
    """Return the triggers, in the order in which they are to be made."""
    new, old = ([size.format(row=row) for size in SUMMANDS] for row in ("NEW", "OLD"))
    moved = ", ".join(f"{n} - {o}" for n, o in zip(new, old, strict=True))
    taken = ", ".join(f"-({o})" for o in old)
    document = [
        Trigger(
            f"{PREFIX}document_added",
            "AFTER INSERT ON documents",
            _add(_sums(SUMMANDS, "added AS d")),
            rows="added",
        ),
        Trigger(
            f"{PREFIX}document_changed",
            "AFTER UPDATE OF status, storage_key, to_erase, file_size, part_bytes, sha256 "
            "ON documents",
            _add(f"VALUES (NEW.owner, {moved})"),
            condition=" OR ".join(f"{n} <> {o}" for n, o in zip(new, old, strict=True)),
        ),
        Trigger(
            f"{PREFIX}document_removed",
            "BEFORE DELETE ON documents",  # for a page finds its owner by its document
            "DELETE FROM pages WHERE document_id = OLD.id; "
            "DELETE FROM extractions WHERE document_id = OLD.id; "
            + _add(f"VALUES (OLD.owner, {taken})"),
            gives="OLD",
        ),
    ]
    parts = (one for name, (table, size) in PARTS.items() for one in _of_parts(name, table, size))
    return [*document, *parts]


def _add(amounts: str) -> str:
    """Return the statement that adds to an owner's sums what a query or list has for them."""
    sums = ", ".join(f"{column} = t.{column} + excluded.{column}" for column in _COLUMNS)
    return (
        f"INSERT INTO owner_totals AS t (owner, {', '.join(_COLUMNS)}) {amounts} "
        f"ON CONFLICT (owner, writer) DO UPDATE SET {sums};"
    )


def _sums(summands: Iterable[str], source: str) -> str:
    """Return the query for what rows, which it calls `d` for documents, add to their owners' sums.

    By owner, in everybody's order.
    """
    sums = ", ".join(f"sum({one.format(row='d')})" for one in summands)
    return f"SELECT d.owner, {sums} FROM {source} GROUP BY d.owner ORDER BY d.owner"


def _of_parts(name: str, table: str, size: str) -> list[Trigger]:
    new, old = size.format(row="NEW"), size.format(row="OLD")
    added = _sums((size.format(row="added"), "0", "0"), _OF_ADDED)
    return [
        Trigger(f"{PREFIX}{name}_added", f"AFTER INSERT ON {table}", _add(added), rows="added"),
        *(
            Trigger(
                f"{PREFIX}{name}_{when}",
                f"AFTER {event} ON {table}",
                _add(f"SELECT owner, {change}, 0, 0 FROM documents WHERE id = {row}.document_id"),
            )
            for when, event, change, row in (
                ("changed", "UPDATE", f"{new} - ({old})", "NEW"),
                ("removed", "DELETE", f"-({old})", "OLD"),
            )
        ),
    ]
