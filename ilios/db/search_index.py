"""The full-text index of results: SQLite's FTS5, beside the pages whose words it finds.

It holds no copy of the texts: a row of `search_entries` for each piece of a page has the number by
which the index knows it, and `search_texts` shows what of it is indexed. The words of the newest
entries are not in the index yet; INDEXED says up to which they are. Words are taken out by
triggers, which see a page as it was. It is made after the migrations, not by one: it can be dropped
and made anew from the pages, and is never replicated. See ADR 0034. All functions but
`follow_schema` and `matching` take a connection of the driver, inside a transaction of the
caller's.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Any, Final

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text

from ilios.db import name_blocks
from ilios.db.driver import sqlite
from ilios.db.models import REVISION

PREFIX: Final = "search_"  #: of all that belongs to the index
OLD_PREFIX: Final = "search_old_"  #: of tables that were set aside, to be emptied a bit at a time
OLD_INDEX: Final = f"{OLD_PREFIX}index"
TOTAL: Final = "total"  #: of `search_state`: documents that waited when the index was made
INDEXED: Final = "indexed"  #: of `search_state`: the newest entry whose words the index has
MERGED: Final = "merged"  #: of `search_state`: what INDEXED was when all was merged
MALFORMED: Final = "malformed"  #: of `search_state`: there when the index is to be made anew
DELETED: Final = "deleted"  #: of `search_state`: there when words were deleted since a rewrite
REWRITING: Final = "rewriting"  #: of `search_state`: there until a rewrite has ended
REWRITTEN: Final = "rewritten"  #: of `search_state`: when a rewrite began, in Unix seconds
REWRITE_MIN_SECONDS: Final = 10  #: from one rewrite to the next, of a small index
REWRITE_MAX_SECONDS: Final = 3600  #: of a large one: a rewrite writes all of it
REWRITE_ENTRIES_PER_SECOND: Final = 100  #: in between
REMADE: Final = "remade"  #: of `search_state`: when it was made anew on demand, in Unix seconds
REMADE_EVERY_SECONDS: Final = 24 * 3600
"""Made anew no sooner for an error that does not say where the fault is."""
SEGMENTS_MERGED: Final = 4  #: of a size, together; two during a rewrite, which merges all
SEGMENTS_MAX: Final = 64  #: of a size that wait to be merged; the transaction beyond merges them
DRAINED: Final = (f"{OLD_INDEX}_data", f"{OLD_INDEX}_docsize", f"{OLD_PREFIX}entries")
"""Tables that are large, and whose rows are deleted before they are dropped."""

_METADATA: Final = MetaData()  # not that of the models, whose tables are migrated and replicated
ENTRIES: Final = Table(
    "search_entries",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("document_id", Text),
    Column("index", Integer),  #: of the page
    Column("piece", Integer),  #: of its Markdown, from 0
    Column("characters", Integer),  #: that it counts as; see documents.indexing
    Column("terms", Text),  #: what is indexed in place of the Markdown; see documents.indexing
)
TEXTS: Final = Table(
    "search_texts", _METADATA, Column("id", Integer), Column("owner", Text), Column("text", Text)
)
INDEX: Final = Table(
    "search_index",
    _METADATA,
    Column("rowid", Integer),
    Column("owner", Text),
    Column("text", Text),
    Column("search_index", Text),  #: what MATCH compares, and what takes commands
    Column("rank", Integer),
)
PENDING: Final = Table(
    "search_pending",
    _METADATA,
    Column("id", Integer, primary_key=True),  #: the highest is indexed first
    Column("document_id", Text),
    Column("index", Integer),  #: of the next page
    Column("piece", Integer),  #: of that page, which is the next one
)
STATE: Final = Table(
    "search_state",
    _METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Integer),
)

_OPTIONS: Final = {
    # Each transaction adds a segment. Merged by those that complete documents, these would take as
    # long again as the words themselves: the workers do it, by `merge`.
    "automerge": 0,
    "usermerge": SEGMENTS_MERGED,
    "crisismerge": SEGMENTS_MAX,
}
_OWNER: Final = "(SELECT owner FROM documents WHERE id = {row}.document_id)"
_OF_ENTRY: Final = (
    "FROM search_entries WHERE document_id = OLD.document_id "
    'AND "index" = OLD."index" AND piece = {piece}'
)
_INDEXED: Final = f"(SELECT value FROM search_state WHERE name = '{INDEXED}')"  # noqa: S608
_TOKENIZE: Final = "tokenize='unicode61 remove_diacritics 2'"
_TABLES: Final = {
    "search_entries": "CREATE TABLE search_entries (id INTEGER PRIMARY KEY, document_id TEXT NOT "
    'NULL, "index" INTEGER NOT NULL, piece INTEGER NOT NULL, characters INTEGER NOT NULL, '
    'terms TEXT, UNIQUE (document_id, "index", piece))',
    "search_pending": "CREATE TABLE search_pending (id INTEGER PRIMARY KEY, document_id TEXT NOT "
    'NULL UNIQUE, "index" INTEGER NOT NULL DEFAULT 0, piece INTEGER NOT NULL DEFAULT 0)',
    "search_state": "CREATE TABLE search_state (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
    "search_texts": "CREATE VIEW search_texts AS SELECT e.id AS id, "  # noqa: S608  # constants
    f"{_OWNER.format(row='e')} AS owner, coalesce(e.terms, iif(e.piece = 0, "
    "(SELECT p.markdown FROM pages AS p "
    'WHERE p.document_id = e.document_id AND p."index" = e."index"), '
    "(SELECT p.markdown FROM page_pieces AS p WHERE p.document_id = e.document_id "
    'AND p."index" = e."index" AND p.number = e.piece))) AS text FROM search_entries AS e',
    "search_indexed": "CREATE VIEW search_indexed AS SELECT id, owner, text FROM search_texts "  # noqa: S608
    f"WHERE id <= {_INDEXED}",
    "search_index": "CREATE VIRTUAL TABLE search_index USING fts5(owner, text, "
    f"content='search_indexed', content_rowid='id', {_TOKENIZE})",
}


def follow_schema(connection: Connection) -> None:
    """Make the index when the database is at the newest schema, after all migrations."""
    driver: Any = connection.connection.driver_connection
    named = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
    if not driver.execute(named).fetchall():
        return
    if driver.execute("SELECT version_num FROM alembic_version").fetchone() == (REVISION,):
        install(driver)


def install(connection: Any) -> None:
    """Make the index, unless it is there as it should be; what is stored is indexed later."""
    if not is_installed(connection):
        make_anew(connection)


def is_installed(connection: Any) -> bool:
    wanted = _schema()
    marks = ", ".join("?" * len(wanted))
    found = connection.execute(
        f"SELECT name, sql FROM sqlite_master WHERE name IN ({marks})",  # noqa: S608  # marks only
        list(wanted),
    ).fetchall()
    return dict(found) == wanted


def make_anew(connection: Any) -> None:
    """Set aside what there is of an index, and begin an empty one.

    That takes the same time however large it is: documents wait to be indexed, and the rows of the
    old one to be deleted, by ilios.documents.upkeep.
    """
    _set_aside(connection)
    for sql in _schema().values():
        connection.execute(sql)
    for name, value in _OPTIONS.items():
        _command(connection, name, value)
    connection.execute("INSERT INTO search_state (name, value) VALUES (?, 0)", (INDEXED,))
    index_later(connection)


def index_later(connection: Any) -> None:
    """Have all that is stored wait to be indexed; takes seconds for 100,000 documents.

    The oldest come first: searches take what was indexed last for the newest. Names do not wait.
    """
    connection.execute(name_blocks.CLEAR)
    connection.execute(name_blocks.FILL)
    connection.execute(
        "INSERT OR IGNORE INTO search_pending (document_id) SELECT id FROM documents AS d WHERE "
        "EXISTS (SELECT 1 FROM pages WHERE document_id = d.id) ORDER BY created_at DESC"
    )
    connection.execute(
        "INSERT OR REPLACE INTO search_state (name, value) SELECT ?, count(*) FROM search_pending",
        (TOTAL,),
    )


def ask_for_new(connection: Any, rest_seconds: int = 0) -> bool:
    """Note that the index is to be made anew, unless it was within so many seconds.

    Returns whether that is news.
    """
    noted = connection.execute(
        "INSERT OR IGNORE INTO search_state (name, value) SELECT ?, 1 WHERE NOT EXISTS (SELECT 1 "
        "FROM search_state WHERE name = ? AND value > unixepoch() - ? AND value <= unixepoch())",
        (MALFORMED, REMADE, rest_seconds),
    )
    return bool(noted.rowcount)


def remake(connection: Any) -> None:
    """Make the index anew as it was asked for, and note when."""
    make_anew(connection)
    connection.execute("INSERT INTO search_state (name, value) VALUES (?, unixepoch())", (REMADE,))


def matching(texts: Iterable[tuple[int, str]], wanted: str) -> list[int]:
    """Return the numbers of the texts that match, the best first, as if they were indexed."""
    with closing(sqlite.connect(":memory:")) as memory:
        memory.execute(f"CREATE VIRTUAL TABLE texts USING fts5(text, content='', {_TOKENIZE})")
        memory.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", texts)
        found = memory.execute(
            "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank, rowid DESC", (wanted,)
        )
        return [number for (number,) in found.fetchall()]


def merge(connection: Any, pages: int, newest: int) -> bool:
    """Merge segments of the index, about so many pages; return False when all are merged.

    Then it is noted up to which entry that is, so that nobody tries again for nothing.
    """
    before = connection.total_changes
    _command(connection, "merge", pages)
    if connection.total_changes - before > 1:  # one is the command itself
        return True
    connection.execute(
        "INSERT OR REPLACE INTO search_state (name, value) VALUES (?, ?)", (MERGED, newest)
    )
    if connection.execute("DELETE FROM search_state WHERE name = ?", (REWRITING,)).rowcount:
        _command(connection, "usermerge", SEGMENTS_MERGED)
    return False


def begin_rewrite(connection: Any) -> None:
    """Have `merge` merge all segments into one, which has no word of what is deleted.

    A deletion adds a segment that takes back words of earlier ones: neither is left in what they
    are merged into, nor the words by which FTS5 finds its own pages.
    """
    _command(connection, "usermerge", 2)
    _command(connection, "merge", -1)  # of all segments, one page; further merges go on with it
    connection.execute("DELETE FROM search_state WHERE name IN (?, ?)", (DELETED, MERGED))
    connection.executemany(
        "INSERT OR REPLACE INTO search_state (name, value) VALUES (?, unixepoch())",
        [(REWRITTEN,), (REWRITING,)],
    )


def drain(connection: Any, rows: int) -> bool:
    """Delete so many rows of what was set aside; return False once nothing is left of it."""
    present = {name for name, _ in _own(connection, "table")}
    for table in DRAINED:
        if table in present:
            deleted = connection.execute(
                f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} LIMIT ?)",  # noqa: S608  # a constant
                (rows,),
            )
            if deleted.rowcount:
                return True
    for name in (OLD_INDEX, f"{OLD_PREFIX}entries"):
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    return False


def has_old(connection: Any) -> bool:
    """Return whether something was set aside, and is still there."""
    return any(name.startswith(OLD_PREFIX) for name, _ in _own(connection, "table"))


def _set_aside(connection: Any) -> None:
    """Rename the tables that hold words, and drop the rest."""
    for kind in ("trigger", "view"):
        for name, _ in _own(connection, kind):
            connection.execute(f"DROP {kind} {name}")
    present = {name for name, _ in _own(connection, "table")}
    for name in ("index", "entries"):
        if PREFIX + name in present:
            connection.execute(f"DROP TABLE IF EXISTS {OLD_PREFIX}{name}")
            connection.execute(f"ALTER TABLE {PREFIX}{name} RENAME TO {OLD_PREFIX}{name}")
    for name in ("search_pending", "search_state", name_blocks.TABLE):
        connection.execute(f"DROP TABLE IF EXISTS {name}")


def _command(connection: Any, name: str, value: int) -> None:
    connection.execute("INSERT INTO search_index (search_index, rank) VALUES (?, ?)", (name, value))


def _own(connection: Any, kind: str) -> list[tuple[str, str]]:
    """Return name and SQL of what belongs to the index."""
    found: list[tuple[str, str]] = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = ? AND name LIKE ? ESCAPE '\\'",
        (kind, PREFIX.replace("_", "\\_") + "%"),
    ).fetchall()
    return found


def _schema() -> dict[str, str]:
    """Return name and SQL of all that belongs to the index."""
    return _TABLES | _triggers() | name_blocks.SCHEMA


def _triggers() -> dict[str, str]:
    """Return name and SQL of each trigger, which takes out the words of a row that is deleted.

    Words that are not in the index yet must not be taken out: that would leave it malformed.
    """
    return {
        f"search_{table}_removed": (
            f"CREATE TRIGGER search_{table}_removed AFTER DELETE ON {table} BEGIN "  # noqa: S608
            "INSERT INTO search_index (search_index, rowid, owner, text) "
            f"SELECT 'delete', id, {_OWNER.format(row='OLD')}, coalesce(terms, OLD.markdown) "
            f"{of_entry} AND id <= {_INDEXED}; "
            f"INSERT OR IGNORE INTO search_state (name, value) SELECT '{DELETED}', 1 {of_entry} "
            f"AND id <= {_INDEXED}; DELETE FROM search_state WHERE name = '{MERGED}' "
            f"AND EXISTS (SELECT 1 {of_entry} AND id <= {_INDEXED}); "
            f"DELETE {of_entry}; END"
        )
        for table, of_entry in (
            ("pages", _OF_ENTRY.format(piece="0")),
            ("page_pieces", _OF_ENTRY.format(piece="OLD.number")),
        )
    }
