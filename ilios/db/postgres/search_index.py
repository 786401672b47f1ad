"""The tables of the full-text index on PostgreSQL, and how it is made anew.

What is not entered yet waits in the same tables as on SQLite: see ilios.db.search_index. All
functions take a connection of the driver.
"""

from __future__ import annotations

from typing import Any, Final

from ilios.db.search_index import DOCUMENTS, REMADE, TOTAL

WORDS: Final = "ix_search_entries_words"
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS search_entries ("
    "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    'document_id text COLLATE {collation} NOT NULL, "index" integer NOT NULL, '
    'piece integer NOT NULL, words tsvector NOT NULL, UNIQUE (document_id, "index", piece), '
    'FOREIGN KEY (document_id, "index") REFERENCES pages (document_id, "index") '
    "ON DELETE CASCADE)",
    f"CREATE INDEX IF NOT EXISTS {WORDS} ON search_entries USING gin (words)",
    "CREATE TABLE IF NOT EXISTS search_pending (moment text COLLATE {collation} NOT NULL "
    "DEFAULT '', document_id text COLLATE {collation} PRIMARY KEY, "
    '"index" integer NOT NULL DEFAULT 0, piece integer NOT NULL DEFAULT 0)',
    "CREATE INDEX IF NOT EXISTS ix_search_pending_next ON search_pending (moment, document_id)",
    "CREATE TABLE IF NOT EXISTS search_backfill ("
    "what text PRIMARY KEY, behind text COLLATE {collation} NOT NULL)",
    "CREATE TABLE IF NOT EXISTS search_state (name text PRIMARY KEY, value bigint NOT NULL)",
)


def install(driver: Any, collation: str) -> None:
    """Make the index, unless it is there."""
    for sql in _TABLES:
        driver.execute(sql.format(collation=collation))


def remake(driver: Any) -> None:
    """Begin an empty index, inside a transaction; what is stored waits to be listed and indexed."""
    driver.execute("TRUNCATE search_entries, search_pending, search_backfill, search_state")
    driver.execute(
        "INSERT INTO search_backfill (what, behind) "
        f"SELECT '{DOCUMENTS}', '' WHERE EXISTS (SELECT 1 FROM pages)"
    )
    driver.execute(
        f"INSERT INTO search_state (name, value) VALUES ('{TOTAL}', 0), "
        f"('{REMADE}', extract(epoch FROM clock_timestamp())::bigint)"
    )


def tidy(driver: Any) -> None:
    """Enter into the index what GIN has put aside of late, outside of any transaction.

    Else the one that puts too much aside does it, while its document waits, and each search goes
    through it.
    """
    driver.execute("SELECT gin_clean_pending_list(%s::regclass)", (WORDS,))
