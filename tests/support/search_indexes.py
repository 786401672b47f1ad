"""What tests do with the full-text index, and look at."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ilios.core import ids
from ilios.core.settings import Settings
from ilios.db import search_backfill, search_index
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.db.postgres import search_index as of_postgres
from ilios.documents import indexing, unspaced
from tests.support import structured

OWNER = "me"
MARKER = "xyzzymarker"


def enter(database: Database, *pages: str) -> str:
    """Complete a document, whose words are not in the index yet."""
    plain = [structured.plain_page(index, page) for index, page in enumerate(pages)]
    return structured.add_result(database, plain, owner=OWNER)


def add(database: Database, *pages: str) -> str:
    """Complete a document, and index it by itself."""
    document_id = enter(database, *pages)
    with database.writing() as session:
        indexing.index_entered(session)
    return document_id


def named(name: str, moment: datetime, owner: str = OWNER) -> dict[str, object]:
    """Return the values of a document that was submitted with this name."""
    return {
        "id": ids.new_id(),
        "owner": owner,
        "file_name": name,
        "mime_type": "text/plain",
        "file_size": 1,
        "storage_key": "",
        "status": DocumentStatus.PENDING,
        "operation": "convert",
        "options": {},
        "warnings": [],
        "retention_days": 1,
        "created_at": moment,
    }


def make_anew(database: Database) -> None:
    remake = of_postgres.remake if database.is_remote else search_index.make_anew
    with database.writing() as session:
        remake(session.driver)


def list_stored(database: Database) -> None:
    """List all that is stored: it waits to be indexed then."""
    with database.writing() as session:
        while search_backfill.list_documents(session, 9):
            pass


def write(database: Database, sql: str, *parameters: object) -> None:
    with database.writing() as session:
        session.driver.execute(sql, parameters)


def read(database: Database, sql: str) -> list[tuple[Any, ...]]:
    with database.watching() as watch:
        return watch.query(sql)


def require_sound(database: Database) -> None:
    """Have FTS5, or the test itself on PostgreSQL, compare the index with the pages."""
    if database.is_remote:
        _require_vectors(database)
        return
    write(database, "INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)")


def _require_vectors(database: Database) -> None:
    from ilios.db.postgres.search import vector

    with database.watching() as watch:
        for words, owner, text in watch.driver.execute(_VECTORS).fetchall():
            wanted = f"{vector(unspaced.terms(text) or text)} 'of/{owner}'"
            sql = "SELECT %s::tsvector = %s::tsvector"
            assert watch.driver.execute(sql, (words, wanted)).fetchall() == [(True,)]


_VECTORS: Final = """
    SELECT e.words::text, d.owner, coalesce(p.markdown, q.markdown)
    FROM search_entries AS e JOIN documents AS d ON d.id = e.document_id
    LEFT JOIN pages AS p
        ON e.piece = 0 AND p.document_id = e.document_id AND p."index" = e."index"
    LEFT JOIN page_pieces AS q
        ON q.number = e.piece AND q.document_id = e.document_id AND q."index" = e."index"
"""


def let_an_hour_pass(database: Database) -> None:
    """Have the next rewrite of the index be due."""
    write(database, "UPDATE search_state SET value = value - 3600 WHERE name = 'rewritten'")


def segments(database: Database) -> int:
    """Return of how many parts the index is, each of which a search goes through."""
    ((number,),) = read(database, "SELECT count(DISTINCT segid) FROM search_index_idx")
    return int(number)


def progress(database: Database) -> indexing.Progress:
    with database.watching() as watch:
        return indexing.progress(watch)


def pending(database: Database) -> int:
    """Return how many documents are listed, and not indexed yet."""
    return progress(database).left


def holders(settings: Settings) -> list[Path]:
    """Return the files of the data folder that hold the marker's bytes."""
    files = (path for path in settings.data_folder.rglob("*") if path.is_file())
    return [path for path in files if MARKER.encode() in path.read_bytes()]
