"""Names of documents in blocks: a search for a part of names looks at one row for many of them.

A block has the names of BLOCK_DOCUMENTS of an owner's documents or, when several were submitted at
the same moment, a few more. The blocks of an owner follow one another without a gap, from its
oldest document on; those behind the newest block are looked at one by one. Triggers keep them. They
belong to the search index: made with it, dropped with it, and never replicated. See ADR 0034.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Integer, MetaData, Table, Text

BLOCK_DOCUMENTS: Final = 64
TABLE: Final = "search_names"
BLOCKS: Final = Table(
    TABLE,
    MetaData(),  # not that of the models, whose tables are migrated and replicated
    Column("id", Integer, primary_key=True),
    Column("owner", Text),
    Column("after", Text),  #: the block begins behind this moment, as `created_at` has it
    Column("upto", Text),  #: and ends with this one
    Column("names", Text),  #: one in a line
)

_LISTED: Final = "status != 'deleted'"  # as the partial index says it
_NAMES: Final = "group_concat(file_name, char(10))"
_NEWEST: Final = f"coalesce((SELECT max(upto) FROM {TABLE} WHERE owner = NEW.owner), '')"  # noqa: S608
_UNPACKED: Final = (
    f"FROM documents WHERE owner = NEW.owner AND {_LISTED} AND created_at > {_NEWEST} "
)
_RENEW: Final = (
    f"UPDATE {TABLE} SET names = coalesce((SELECT {_NAMES} FROM documents AS d "  # noqa: S608
    f"WHERE d.owner = {TABLE}.owner AND d.{_LISTED} AND d.created_at > {TABLE}.after "
    f"AND d.created_at <= {TABLE}.upto), '') WHERE owner = OLD.owner AND upto = "
    f"(SELECT min(upto) FROM {TABLE} WHERE owner = OLD.owner AND upto >= OLD.created_at);"
)
_TRIGGERS: Final = {
    # Of a moment to which others may still be added there is no block. One that comes late, after
    # the clock was set back, ends those that would have had it; they are made anew.
    f"{TABLE}_added": "AFTER INSERT ON documents BEGIN "  # noqa: S608  # constants
    f"DELETE FROM {TABLE} WHERE owner = NEW.owner AND upto >= NEW.created_at; "
    f"INSERT INTO {TABLE} (owner, after, upto, names) "
    f"SELECT NEW.owner, {_NEWEST}, max(created_at), {_NAMES} {_UNPACKED} AND created_at <= "
    f"(SELECT created_at {_UNPACKED} AND created_at < NEW.created_at ORDER BY created_at "
    f"LIMIT 1 OFFSET {BLOCK_DOCUMENTS - 1}) GROUP BY owner; END",
    f"{TABLE}_changed": "AFTER UPDATE OF status, file_name ON documents "
    "WHEN (OLD.status = 'deleted') <> (NEW.status = 'deleted') "
    f"OR (OLD.file_name <> NEW.file_name AND NEW.{_LISTED}) BEGIN {_RENEW} END",
    f"{TABLE}_removed": f"AFTER DELETE ON documents WHEN OLD.{_LISTED} BEGIN {_RENEW} END",
}
SCHEMA: Final = {
    TABLE: f"CREATE TABLE {TABLE} (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, "
    "after TEXT NOT NULL, upto TEXT NOT NULL, names TEXT NOT NULL, UNIQUE (owner, upto))",
    **{name: f"CREATE TRIGGER {name} {body}" for name, body in _TRIGGERS.items()},
}
CLEAR: Final = f"DELETE FROM {TABLE}"  # noqa: S608  # a constant
FILL: Final = (
    f"INSERT INTO {TABLE} (owner, after, upto, names) "  # noqa: S608  # constants
    "SELECT owner, coalesce(lag(max(created_at)) OVER (PARTITION BY owner ORDER BY block), ''), "
    f"max(created_at), {_NAMES} FROM (SELECT owner, created_at, file_name, "
    "(rank() OVER (PARTITION BY owner ORDER BY created_at) - 1) / "
    f"{BLOCK_DOCUMENTS} AS block FROM documents WHERE {_LISTED}) GROUP BY owner, block"
)
"""Makes the blocks of all documents, in one pass over them."""
