"""What each owner holds, as one row that triggers keep: bytes stored, bytes announced, documents.

A submit looks it up, so it must cost the same however much is stored, and agree with the documents
whoever changes them: a trigger belongs to the statement that fires it. All functions but
`follow_schema` take a connection of the driver, inside a transaction of the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from ilios.db import revision, triggers

DOCUMENT_OVERHEAD_BYTES: Final = 8192
"""What a document takes beside its file: a folder, the rest of a block, its rows and indexes."""
PREFIX: Final = "owner_totals_"  #: of our triggers

# Conditions and sizes in the SQL of both databases; `{row}` is NEW, OLD, or what a table is called.
IS_STORED: Final = "{row}.storage_key <> '' AND ({row}.status <> 'deleted' OR {row}.to_erase)"
STORED_BYTES: Final = f"{{row}}.file_size + {{row}}.part_bytes + {DOCUMENT_OVERHEAD_BYTES}"
IS_ANNOUNCED: Final = "{row}.status = 'awaiting_upload' AND {row}.sha256 IS NULL"
"""Of a kept file the bytes are here."""
IS_WAITING: Final = "({row}.status IN ('awaiting_upload', 'pending', 'processing'))"
_PIECE: Final = "octet_length({row}.markdown) + coalesce(octet_length({row}.layout), 0)"
_PAGE: Final = f"{_PIECE} + coalesce(octet_length({{row}}.details), 0) + {{row}}.image_bytes"
_WORDS: Final = "octet_length({row}.words)"
_EXTRACTION: Final = " + ".join(
    f"coalesce(octet_length({{row}}.{column}), 0)"
    for column in ("schema", "image_schema", "instructions", "answer")
)
PARTS: Final = {
    "page": ("pages", _PAGE),
    "piece": ("page_pieces", _PIECE),
    "words": ("page_words", _WORDS),
    "extraction": ("extractions", _EXTRACTION),
}
"""Tables whose rows add so many bytes to their document's."""
SUMMANDS: Final = (
    f"CASE WHEN {IS_STORED} THEN {STORED_BYTES} ELSE 0 END",
    f"CASE WHEN {IS_ANNOUNCED} THEN {{row}}.file_size ELSE 0 END",
    f"CASE WHEN {IS_WAITING} THEN 1 ELSE 0 END",
)
"""What a document adds to bytes stored, bytes announced, and documents that wait."""
# The same in fewer words, for the triggers: they are compared with those that are there.
_STORED: Final = f"iif({IS_STORED}, {STORED_BYTES}, 0)"
_ANNOUNCED: Final = f"iif({IS_ANNOUNCED}, {{row}}.file_size, 0)"
_WAITING: Final = IS_WAITING
_COUNTED: Final = f"""
SELECT owner, sum(stored) AS stored, sum(announced) AS announced, sum(waiting) AS waiting
FROM (
    SELECT owner, {SUMMANDS[0].format(row="d")} AS stored,
        {SUMMANDS[1].format(row="d")} AS announced, {SUMMANDS[2].format(row="d")} AS waiting
    FROM documents AS d
    UNION ALL
    SELECT d.owner, {_PAGE.format(row="p")}, 0, 0
    FROM pages AS p JOIN documents AS d ON d.id = p.document_id
    UNION ALL
    SELECT d.owner, {_PIECE.format(row="p")}, 0, 0
    FROM page_pieces AS p JOIN documents AS d ON d.id = p.document_id
    UNION ALL
    SELECT d.owner, {_WORDS.format(row="p")}, 0, 0
    FROM page_words AS p JOIN documents AS d ON d.id = p.document_id
    UNION ALL
    SELECT d.owner, {_EXTRACTION.format(row="e")}, 0, 0
    FROM extractions AS e JOIN documents AS d ON d.id = e.document_id
) AS parts GROUP BY owner
"""
_NOTED: Final = """
SELECT owner, sum(stored_bytes) AS stored_bytes, sum(announced_bytes) AS announced_bytes,
    sum(waiting_documents) AS waiting_documents
FROM owner_totals GROUP BY owner
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """An owner whose row does not say what its documents add up to."""

    owner: str
    noted: tuple[int, int, int]  #: bytes stored, bytes announced, documents that wait
    counted: tuple[int, int, int]


def follow_schema(connection: Connection) -> None:
    """Install the triggers when the database is at the newest schema, after all migrations.

    A migration that makes a table anew leaves it without triggers: what was not counted meanwhile
    is counted then.
    """
    driver: Any = connection.connection.driver_connection
    if revision.is_newest(driver):
        install(driver)


def install(connection: Any) -> None:
    """Make the triggers, and count anew, unless all of them are there as they should be."""
    if triggers.install(connection, PREFIX, _triggers()):
        recount(connection)


def are_installed(connection: Any) -> bool:
    return triggers.are_installed(connection, PREFIX, _triggers())


def recount(connection: Any) -> None:
    """Write what the documents and pages add up to; takes a second for a million pages."""
    connection.execute("DELETE FROM owner_totals")
    connection.execute(
        "INSERT INTO owner_totals (owner, stored_bytes, announced_bytes, waiting_documents) "
        + _COUNTED
    )


def differences(connection: Any) -> list[Difference]:
    """Return the owners whose rows are wrong."""
    rows = connection.execute(
        f"""
        SELECT coalesce(counted.owner, noted.owner),
            coalesce(noted.stored_bytes, 0), coalesce(noted.announced_bytes, 0),
            coalesce(noted.waiting_documents, 0), coalesce(counted.stored, 0),
            coalesce(counted.announced, 0), coalesce(counted.waiting, 0)
        FROM ({_COUNTED}) AS counted FULL JOIN ({_NOTED}) AS noted ON noted.owner = counted.owner
        """
    )
    found = (Difference(owner, tuple(sums[:3]), tuple(sums[3:])) for owner, *sums in rows)
    return [one for one in found if one.noted != one.counted]


def _triggers() -> dict[str, str]:
    """Return name and SQL of each trigger."""
    new = [part.format(row="NEW") for part in (_STORED, _ANNOUNCED, _WAITING)]
    old = [part.format(row="OLD") for part in (_STORED, _ANNOUNCED, _WAITING)]
    changed = " OR ".join(f"{one} <> {other}" for one, other in zip(new, old, strict=True))
    columns = ("stored_bytes", "announced_bytes", "waiting_documents")
    added = ", ".join(f"{column} = {column} + excluded.{column}" for column in columns)
    moved = ", ".join(
        f"{column} = {column} + {after} - {before}"
        for column, after, before in zip(columns, new, old, strict=True)
    )
    bodies = {
        "document_added AFTER INSERT ON documents": (
            f"INSERT INTO owner_totals (owner, {', '.join(columns)}) "
            f"VALUES (NEW.owner, {', '.join(new)}) ON CONFLICT (owner) DO UPDATE SET {added};"
        ),
        "document_changed AFTER UPDATE OF status, storage_key, to_erase, file_size, part_bytes, "
        f"sha256 ON documents WHEN {changed}": (
            f"UPDATE owner_totals SET {moved} WHERE owner = NEW.owner;"
        ),
        # Before, for a page finds its owner by its document.
        "document_removed BEFORE DELETE ON documents": (
            "DELETE FROM pages WHERE document_id = OLD.id; "
            "DELETE FROM extractions WHERE document_id = OLD.id; UPDATE owner_totals SET "
            + ", ".join(f"{name} = {name} - {was}" for name, was in zip(columns, old, strict=True))
            + " WHERE owner = OLD.owner;"
        ),
    }
    for name, (table, size) in PARTS.items():
        bodies |= _of_parts(name, table, size)
    return triggers.of_bodies(PREFIX, bodies)


def _of_parts(name: str, table: str, size: str) -> dict[str, str]:
    """Return head and body of the triggers of a table whose rows add `size` to their document's."""
    new, old = size.format(row="NEW"), size.format(row="OLD")
    return {
        f"{name}_{when} AFTER {event} ON {table}": (
            f"UPDATE owner_totals SET stored_bytes = stored_bytes {change} "
            f"WHERE owner = (SELECT owner FROM documents WHERE id = {row}.document_id);"
        )
        for when, event, change, row in (
            ("added", "INSERT", f"+ {new}", "NEW"),
            ("changed", "UPDATE", f"+ {new} - ({old})", "NEW"),
            ("removed", "DELETE", f"- ({old})", "OLD"),
        )
    }
