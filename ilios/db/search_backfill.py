"""The backfill of the search index: goes in steps through what was stored before it was made.

An index is made without a look at what is stored. From then on the pages that are stored are
entered with them, and triggers keep the blocks of names. Of what was there before, the documents
that have pages are listed in `search_pending`, by the moment of their submission: once all are,
they are indexed in that order, for searches take what was indexed last for the newest. And names
are put into blocks: an owner's oldest ones first, so that searches look one by one at those that
are in none yet.

A row of `search_backfill` says how far each of the two is, and is gone when it is done. Each
function is a step of the caller's transaction, and a process may be killed between any two. What is
deleted meanwhile is not listed, or has no pages when its turn comes.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete, exists, func, select, update

from ilios.db import name_blocks
from ilios.db.dialects import moment_text, upsert
from ilios.db.driver_session import DriverSession
from ilios.db.models import Document, PageRow
from ilios.db.prepared import Prepared, Runner
from ilios.db.search_index import BACKFILL, DOCUMENTS, NAMES, PENDING, STATE, TOTAL

# By their ids, which stay as they are: implicit row numbers do not survive a VACUUM.
_NEXT: Final = Prepared(
    select(
        Document.id,
        moment_text(Document.created_at),
        exists().where(PageRow.document_id == Document.id),
    )
    .where(Document.id > bindparam("behind"))
    .order_by(Document.id)
    .limit(bindparam("at_most"))
)
_NEXT_OWNER: Final = Prepared(
    select(func.min(Document.owner)).where(Document.owner > bindparam("behind"))
)
_WAIT: Final = Prepared(upsert(PENDING).on_conflict_do_nothing(), ["moment", "document_id"])
_COUNT: Final = Prepared(
    update(STATE).where(STATE.c.name == TOTAL).values(value=STATE.c.value + bindparam("more"))
)
_THIS: Final = BACKFILL.c.what == bindparam("this")
_BEHIND: Final = Prepared(select(BACKFILL.c.behind).where(_THIS))
_GO_ON: Final = Prepared(update(BACKFILL).where(_THIS).values(behind=bindparam("further")))
_DONE: Final = Prepared(delete(BACKFILL).where(_THIS))


def is_due(on: Runner, what: str) -> bool:
    """Return whether DOCUMENTS or NAMES are left."""
    return _behind(on, what) is not None


def list_documents(on: Runner, count: int) -> bool:
    """Look at the next so many documents; return False once all are listed."""
    behind = _behind(on, DOCUMENTS)
    if behind is None:
        return False
    found = _NEXT.all(on, behind=behind, at_most=count)
    waiting: list[dict[str, object]] = [
        {"moment": moment, "document_id": document_id}
        for document_id, moment, has_pages in found
        if has_pages
    ]
    if waiting:
        _WAIT.run_many(on, waiting)
        _COUNT.run(on, more=len(waiting))
    is_more = len(found) == count
    _go_on(on, DOCUMENTS, found[-1][0] if is_more else None)
    return is_more


def pack_names(session: DriverSession, blocks: int) -> bool:
    """Make so many blocks of names, or look at as many owners; return False once all are made."""
    owner = _behind(session, NAMES)
    for _ in range(blocks):
        if owner is None:
            break
        if not name_blocks.pack(session.driver, owner):
            ((owner,),) = _NEXT_OWNER.all(session, behind=owner)
    _go_on(session, NAMES, owner)
    return owner is not None


def _behind(on: Runner, what: str) -> str | None:
    """Return the document that was looked at last, or the owner whose names come next.

    None when nothing is left, and nothing (`''`) at the beginning.
    """
    row = _BEHIND.first(on, this=what)
    return str(row[0]) if row else None


def _go_on(on: Runner, what: str, behind: str | None) -> None:
    if behind is None:
        _DONE.run(on, this=what)
    else:
        _GO_ON.run(on, this=what, further=behind)
