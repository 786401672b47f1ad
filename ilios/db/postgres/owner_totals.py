"""What each owner holds, on PostgreSQL: the triggers of ilios.db.owner_totals in PL/pgSQL.

A row is locked from its first change to the end of the transaction, so that those of one owner that
store or delete go one after the other.
"""

from __future__ import annotations

from typing import Final

from ilios.db.owner_totals import PARTS, PREFIX, SUMMANDS
from ilios.db.postgres.functions import Trigger

_COLUMNS: Final = ("stored_bytes", "announced_bytes", "waiting_documents")


def triggers() -> list[Trigger]:
    """Return the triggers, in the order in which they are to be made."""
    new, old = ([size.format(row=row) for size in SUMMANDS] for row in ("NEW", "OLD"))
    added = ", ".join(f"{column} = t.{column} + excluded.{column}" for column in _COLUMNS)
    moved = [f"{c} = {c} + {n} - {o}" for c, n, o in zip(_COLUMNS, new, old, strict=True)]
    taken = [f"{c} = {c} - {o}" for c, o in zip(_COLUMNS, old, strict=True)]
    document = [
        Trigger(
            f"{PREFIX}document_added",
            "AFTER INSERT ON documents",
            f"INSERT INTO owner_totals AS t (owner, {', '.join(_COLUMNS)}) "
            f"VALUES (NEW.owner, {', '.join(new)}) ON CONFLICT (owner) DO UPDATE SET {added};",
        ),
        Trigger(
            f"{PREFIX}document_changed",
            "AFTER UPDATE OF status, storage_key, to_erase, file_size, part_bytes, sha256 "
            "ON documents",
            f"UPDATE owner_totals SET {', '.join(moved)} WHERE owner = NEW.owner;",
            condition=" OR ".join(f"{n} <> {o}" for n, o in zip(new, old, strict=True)),
        ),
        Trigger(
            f"{PREFIX}document_removed",
            "BEFORE DELETE ON documents",  # for a page finds its owner by its document
            "DELETE FROM pages WHERE document_id = OLD.id; "
            "DELETE FROM extractions WHERE document_id = OLD.id; "
            f"UPDATE owner_totals SET {', '.join(taken)} WHERE owner = OLD.owner;",
            gives="OLD",
        ),
    ]
    parts = (one for name, (table, size) in PARTS.items() for one in _of_parts(name, table, size))
    return [*document, *parts]


def _of_parts(name: str, table: str, size: str) -> list[Trigger]:
    new, old = size.format(row="NEW"), size.format(row="OLD")
    return [
        Trigger(
            f"{PREFIX}{name}_{when}",
            f"AFTER {event} ON {table}",
            f"UPDATE owner_totals SET stored_bytes = stored_bytes {change} "
            f"WHERE owner = (SELECT owner FROM documents WHERE id = {row}.document_id);",
        )
        for when, event, change, row in (
            ("added", "INSERT", f"+ {new}", "NEW"),
            ("changed", "UPDATE", f"+ {new} - ({old})", "NEW"),
            ("removed", "DELETE", f"- ({old})", "OLD"),
        )
    ]
