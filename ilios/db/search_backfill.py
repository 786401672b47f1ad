"""The backfill of the search index: goes in steps through what was stored before it was made.

An index is made without a look at what is stored. From then on the pages that are stored are
entered with them, and triggers keep the blocks of names. Of what was there before, the documents
that have pages are listed in `search_pending`, by the moment of their submission: once all are,
they are indexed in that order, for searches take what was indexed last for the newest. And names
are put into blocks: an owner's oldest ones first, so that searches look one by one at those that
are in none yet.

A row of `search_backfill` says how far each of the two is, and is gone when it is done. Each
function is a step that takes a connection of the driver, inside a transaction of the caller's; a
process may be killed between any two. What is deleted meanwhile is not listed, or has no pages when
its turn comes.
"""

from __future__ import annotations

from typing import Any, Final

from ilios.db import name_blocks
from ilios.db.search_index import DOCUMENTS, NAMES, TOTAL

# By their ids, which stay as they are: implicit row numbers do not survive a VACUUM.
_NEXT: Final = (
    "SELECT id, created_at, EXISTS (SELECT 1 FROM pages WHERE document_id = documents.id) "
    "FROM documents WHERE id > ? ORDER BY id LIMIT ?"
)
_NEXT_OWNER: Final = "SELECT min(owner) FROM documents WHERE owner > ?"


def is_due(connection: Any, what: str) -> bool:
    """Return whether DOCUMENTS or NAMES are left."""
    return _behind(connection, what) is not None


def list_documents(connection: Any, count: int) -> bool:
    """Look at the next so many documents; return False once all are listed."""
    behind = _behind(connection, DOCUMENTS)
    if behind is None:
        return False
    found = connection.execute(_NEXT, (behind, count)).fetchall()
    waiting = [(moment, document_id) for document_id, moment, has_pages in found if has_pages]
    connection.executemany(
        "INSERT OR IGNORE INTO search_pending (moment, document_id) VALUES (?, ?)", waiting
    )
    connection.execute(
        "UPDATE search_state SET value = value + ? WHERE name = ?", (len(waiting), TOTAL)
    )
    is_more = len(found) == count
    _go_on(connection, DOCUMENTS, found[-1][0] if is_more else None)
    return is_more


def pack_names(connection: Any, blocks: int) -> bool:
    """Make so many blocks of names, or look at as many owners; return False once all are made."""
    owner = _behind(connection, NAMES)
    for _ in range(blocks):
        if owner is None:
            break
        if not name_blocks.pack(connection, owner):
            ((owner,),) = connection.execute(_NEXT_OWNER, (owner,)).fetchall()
    _go_on(connection, NAMES, owner)
    return owner is not None


def _behind(connection: Any, what: str) -> str | None:
    """Return the document that was looked at last, or the owner whose names come next.

    None when nothing is left, and nothing (`''`) at the beginning.
    """
    found = connection.execute(
        "SELECT behind FROM search_backfill WHERE what = ?", (what,)
    ).fetchall()
    return str(found[0][0]) if found else None


def _go_on(connection: Any, what: str, behind: str | None) -> None:
    if behind is None:
        connection.execute("DELETE FROM search_backfill WHERE what = ?", (what,))
    else:
        connection.execute("UPDATE search_backfill SET behind = ? WHERE what = ?", (behind, what))
