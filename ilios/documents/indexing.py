"""Which words of results the full-text index has. Takes a session, never commits.

What is stored is entered in the same transaction, up to MAX_CHARACTERS. Of the newest entries the
words go into the index later, many together: until then searches read these pages themselves, so
there are never more than ENTERED_CHARACTERS of them. The rest of long results, and what was stored
before there was an index, waits in `search_pending` for ilios.documents.upkeep, once
ilios.db.search_backfill has listed it.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, delete, exists, func, insert, select, update
from sqlalchemy.orm import Session

from ilios.db.dialects import is_postgres, upsert
from ilios.db.models import PagePiece, PageRow
from ilios.db.prepared import Prepared, Runner
from ilios.db.search_index import (
    BACKFILL,
    DELETED,
    DOCUMENTS,
    ENTRIES,
    INDEX,
    INDEXED,
    MALFORMED,
    MERGED,
    PENDING,
    REWRITE_ENTRIES_PER_SECOND,
    REWRITE_MAX_SECONDS,
    REWRITE_MIN_SECONDS,
    REWRITTEN,
    STATE,
    TEXTS,
    TOTAL,
)
from ilios.documents.unspaced import terms
from ilios.engines.base import Page
from ilios.engines.page_text import PIECE_MAX_CHARACTERS

MAX_CHARACTERS: Final = 1024 * 1024  #: that one transaction enters with the pages that it stores
ENTERED_CHARACTERS: Final = 256 * 1024
"""Of pages that are entered and not indexed yet; the transaction beyond indexes them."""
PIECE_CHARACTERS: Final = 500  #: that a piece counts as at least: its row takes time too

_PAGES = Prepared(
    select(PageRow.index, PageRow.markdown)
    .where(
        PageRow.document_id == bindparam("of_document"),
        PageRow.index.between(bindparam("first"), bindparam("last")),
    )
    .order_by(PageRow.index)
)
_PIECES = Prepared(
    select(PagePiece.number, PagePiece.markdown)
    .where(
        PagePiece.document_id == bindparam("of_document"),
        PagePiece.index == bindparam("of_index"),
        PagePiece.number >= bindparam("first"),
    )
    .order_by(PagePiece.number)
)
_LAST_PAGE = Prepared(
    select(func.max(PageRow.index)).where(PageRow.document_id == bindparam("of_document"))
)
UP_TO_INDEXED: Final = select(STATE.c.value).where(STATE.c.name == INDEXED).scalar_subquery()
_LAST_ENTRY: Final = select(func.coalesce(func.max(ENTRIES.c.id), 0)).scalar_subquery()
_EXTENT = Prepared(
    select(
        _LAST_ENTRY,
        UP_TO_INDEXED,
        select(func.coalesce(func.sum(ENTRIES.c.characters), 0))
        .where(ENTRIES.c.id > UP_TO_INDEXED)
        .scalar_subquery(),
    )
)
_COLUMNS: Final = ("id", "document_id", "index", "piece", "characters", "terms")
_INSERT_ENTRY = Prepared(
    upsert(ENTRIES)
    .values({name: bindparam(f"new_{name}") for name in _COLUMNS})
    .on_conflict_do_nothing()
)
_NOTE_INDEXED = Prepared(
    update(STATE).where(STATE.c.name == INDEXED).values(value=bindparam("newest"))
)
_INDEX_ENTRIES = Prepared(
    insert(INDEX).from_select(
        ["rowid", "owner", "text"],
        select(TEXTS.c.id, TEXTS.c.owner, TEXTS.c.text).where(TEXTS.c.id > bindparam("after")),
    )
)
_WAIT = Prepared(
    upsert(PENDING)
    .values(document_id=bindparam("of_document"), index=0, piece=0)
    .on_conflict_do_update(index_elements=["document_id"], set_={"index": 0, "piece": 0})
)
_NEXT = Prepared(
    select(PENDING.c.document_id, PENDING.c.index, PENDING.c.piece)
    .order_by(PENDING.c.moment, PENDING.c.document_id)  # rests have none, and come first
    .limit(1)
)
_IS_PENDING = PENDING.c.document_id == bindparam("of_document")
_GO_ON = Prepared(
    update(PENDING)
    .where(_IS_PENDING)
    .values(index=bindparam("next_index"), piece=bindparam("next_piece"))
)
_STATE = Prepared(select(STATE.c.name, STATE.c.value))
_LEFT = Prepared(
    select(
        select(func.count()).select_from(PENDING).scalar_subquery(),
        exists().where(BACKFILL.c.what == DOCUMENTS),
    )
)
_DONE = Prepared(delete(PENDING).where(_IS_PENDING))


class Progress(NamedTuple):
    """How far the index is, in documents."""

    total: int  #: from before it was made, as far as they are listed
    left: int  #: of these, and of long results that lack a rest
    is_listing: bool  #: there are more, which are not counted yet
    is_malformed: bool  #: it is to be made anew

    @property
    def is_done(self) -> bool:
        return not self.left and not self.is_listing

    @property
    def percent(self) -> int:
        if self.is_done:
            return 100
        if self.is_listing:
            return 0
        done = 100 - 100 * self.left // max(self.total, 1)
        return min(99, max(0, done))


class Extent(NamedTuple):
    """Which entries there are, and which of them are indexed."""

    last: int  #: number of the newest one; 0 of none
    indexed: int  #: up to which the index has the words
    waiting: int  #: characters of those behind it


class Position(NamedTuple):
    """A piece of a page of a document."""

    page: int = 0  #: its index
    piece: int = 0


@dataclass(slots=True)
class Budget:
    """How much one transaction may still index."""

    characters: int

    def __bool__(self) -> bool:
        return self.characters > 0


def add(session: Session, document_id: str, pages: Iterable[Page]) -> None:
    """Enter pages that were just stored, as far as one transaction may.

    From then on searches find them.
    """
    pieces = (
        (Position(page.index, number), piece)
        for page in pages
        for number, piece in enumerate(page.pieces())
    )
    before, budget = _extent_if_apart(session), Budget(MAX_CHARACTERS)
    if _enter(session, document_id, pieces, budget, before) is not None:
        _WAIT.run(session, of_document=document_id)
    entered = MAX_CHARACTERS - budget.characters
    if before is not None and before.waiting + entered > ENTERED_CHARACTERS:
        _index_entered(session, before)


def add_short(session: Session, pages: Iterable[tuple[str, Page]]) -> None:
    """Index pages of a piece each, with their documents, on PostgreSQL."""
    from ilios.db.postgres import search as tsvectors

    texts = ((document_id, page, next(page.pieces())) for document_id, page in pages)
    tsvectors.add(
        session,
        ((document_id, page.index, 0, terms(text) or text) for document_id, page, text in texts),
    )


def index_entered(session: Session) -> None:
    """Index all that was entered."""
    before = _extent_if_apart(session)
    if before is not None:
        _index_entered(session, before)


def add_pending(session: Session, characters: int) -> bool:
    """Index at least a piece of what waits; return False when nothing was left."""
    before = _extent_if_apart(session)
    budget = Budget(characters)
    while budget and (found := _NEXT.first(session)):
        document_id, index, piece = found
        ((last,),) = _LAST_PAGE.all(session, of_document=document_id)
        start = Position(index, piece)
        with closing(_pieces(session, document_id, start, last or 0)) as pieces:
            rest = _enter(session, document_id, pieces, budget, _extent_if_apart(session))
        if rest is None:
            _DONE.run(session, of_document=document_id)
        else:
            _GO_ON.run(
                session, of_document=document_id, next_index=rest.page, next_piece=rest.piece
            )
        budget.characters -= PIECE_CHARACTERS  # of one that was deleted, nothing else is counted
    if before is not None:
        _index_entered(session, before)
    return not budget


def extent(on: Runner) -> Extent:
    """Return which entries there are."""
    if is_postgres(on):
        from ilios.db.postgres.search import newest as newest_entry

        newest = newest_entry(on)
        return Extent(newest, newest, 0)
    (row,) = _EXTENT.all(on)
    return Extent(*map(int, row))


def _extent_if_apart(session: Session) -> Extent | None:
    """Return which entries there are; None on PostgreSQL, whose entries have their words."""
    return None if is_postgres(session) else extent(session)


def last_entry(on: Runner) -> int:
    """Return the number of what was entered last; 0 of an empty index."""
    return extent(on).last


def to_merge(on: Runner) -> int | None:
    """Return up to which entry there are words if some are not merged; None when all are."""
    state = dict(_STATE.all(on))
    newest = int(state.get(INDEXED, 0))
    return None if state.get(MERGED, 0) == newest else newest


def rewrite_is_due(on: Runner) -> bool:
    """Return whether words were deleted, which the index still has, and the last rewrite is old."""
    state = dict(_STATE.all(on))
    since = time.time() - state.get(REWRITTEN, 0)
    of_its_size = last_entry(on) / REWRITE_ENTRIES_PER_SECOND
    rest = min(max(of_its_size, REWRITE_MIN_SECONDS), REWRITE_MAX_SECONDS)
    return DELETED in state and not 0 <= since < rest


def progress(on: Runner) -> Progress:
    """Return how far the index is."""
    ((left, is_listing),) = _LEFT.all(on)
    state = dict(_STATE.all(on))
    return Progress(int(state.get(TOTAL, 0)), left, bool(is_listing), MALFORMED in state)


def _index_entered(session: Session, before: Extent) -> None:
    """Add to the index the words of the entries that it lacked `before`, and newer ones.

    Noted first: the index takes no others for what it is to have.
    """
    newest = extent(session).last
    if newest > before.indexed:
        _NOTE_INDEXED.run(session, newest=newest)
        _INDEX_ENTRIES.run(session, after=before.indexed)


def _enter(
    session: Session,
    document_id: str,
    pieces: Iterable[tuple[Position, str]],
    budget: Budget,
    before: Extent | None,
) -> Position | None:
    """Note what is to be indexed of a document; return where to go on, or None at the end."""
    taken, rest = _taken(pieces, budget)
    if before is None:
        from ilios.db.postgres import search as tsvectors

        tsvectors.add(
            session,
            ((document_id, place.page, place.piece, terms(text) or text) for place, text in taken),
        )
        return rest
    # No number twice: the index may have had the words of one that was deleted.
    first = max(before.last, before.indexed) + 1
    rows: list[dict[str, Any]] = [
        {
            "new_id": number,
            "new_document_id": document_id,
            "new_index": place.page,
            "new_piece": place.piece,
            "new_characters": max(PIECE_CHARACTERS, len(text)),
            "new_terms": terms(text),
        }
        for number, (place, text) in enumerate(taken, start=first)
    ]
    _INSERT_ENTRY.run_many(session, rows)
    return rest


def _taken(
    pieces: Iterable[tuple[Position, str]], budget: Budget
) -> tuple[list[tuple[Position, str]], Position | None]:
    """Return the pieces for which there is budget, and the place of the next one, if any."""
    taken: list[tuple[Position, str]] = []
    for place, text in pieces:
        if not budget:
            return taken, place
        budget.characters -= max(PIECE_CHARACTERS, len(text))
        taken.append((place, text))
    return taken, None


def _pieces(
    session: Session, document_id: str, start: Position, last: int
) -> Generator[tuple[Position, str]]:
    """Yield the pieces of a document's pages in order, from a position on."""
    with closing(
        _PAGES.each(session, of_document=document_id, first=start.page, last=last)
    ) as pages:
        for index, markdown in pages:
            first = start.piece if index == start.page else 0
            if first == 0:
                yield Position(index), markdown
            if len(markdown) >= PIECE_MAX_CHARACTERS:
                with closing(
                    _PIECES.each(
                        session, of_document=document_id, of_index=index, first=max(1, first)
                    )
                ) as further:
                    for number, piece in further:
                        yield Position(index, number), piece
