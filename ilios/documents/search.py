"""Which pages of an owner's results hold all words of a search, the best first. Only reads.

Nothing of it may run in a transaction that has changed the index: a search that fails there makes
the commit fail too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import bindparam, func, literal_column, select

from ilios.db.dialects import is_postgres
from ilios.db.models import PagePiece, PageRow
from ilios.db.prepared import Prepared, Runner
from ilios.db.search_index import ENTRIES, INDEX, TEXTS, matching
from ilios.documents.indexing import UP_TO_INDEXED, last_entry
from ilios.documents.unspaced import UNSPACED, pairs

PAGES_MAX: Final = 20_000  #: the newest ones that hold the words are ranked
WORDS_MAX: Final = 16  #: of a search; more are not looked for

_TOKEN: Final = re.compile("(?:[^\\W_]|[\u0300-\u036f])+")  #: letters, and accents on their own
_RUNS: Final = re.compile(f"({UNSPACED.pattern})")
_QUOTED: Final = re.compile('"([^"]*)"')  #: phrases of an expression
_MATCH: Final = INDEX.c.search_index.op("MATCH")
_HOLDING = Prepared(
    select(INDEX.c.rowid)
    .where(_MATCH(bindparam("wanted")), INDEX.c.rowid <= bindparam("newest"))
    .order_by(INDEX.c.rowid.desc())
    .limit(PAGES_MAX)
)
_RANK: Final = func.bm25(literal_column("search_index"), literal_column("0.0"))
"""Of the text alone; the owner weighs nothing."""
# By the text: to rank by owner and text would go through all that the owner has. The plus keeps
# SQLite from a search of its own for each number.
_RANKED = Prepared(
    select(ENTRIES.c.id, ENTRIES.c.document_id, ENTRIES.c.index, ENTRIES.c.piece)
    .join(INDEX, ENTRIES.c.id == INDEX.c.rowid)
    .where(
        _MATCH(bindparam("wanted")),
        INDEX.c.rowid.between(bindparam("oldest"), bindparam("newest")),
        literal_column("+search_index.rowid").in_(
            select(func.json_each(bindparam("numbers")).table_valued("value").c.value)
        ),
    )
    .order_by(_RANK, ENTRIES.c.id.desc())
)
_ENTERED = Prepared(
    select(ENTRIES.c.id, ENTRIES.c.document_id, ENTRIES.c.index, ENTRIES.c.piece, TEXTS.c.text)
    .join(TEXTS, TEXTS.c.id == ENTRIES.c.id)
    .where(
        ENTRIES.c.id > UP_TO_INDEXED,
        ENTRIES.c.id <= bindparam("newest"),
        TEXTS.c.owner == bindparam("of_owner"),
    )
)
_PAGE = Prepared(
    select(PageRow.markdown).where(
        PageRow.document_id == bindparam("of_document"), PageRow.index == bindparam("of_index")
    )
)
_PIECE = Prepared(
    select(PagePiece.markdown).where(
        PagePiece.document_id == bindparam("of_document"),
        PagePiece.index == bindparam("of_index"),
        PagePiece.number == bindparam("numbered"),
    )
)


class Hit(NamedTuple):
    """A piece of a page that holds the words of a search."""

    number: int  #: in the index; a later one was indexed later
    document_id: str  #: of the document whose pages they are
    place: int  #: index of the page, from 0
    piece: int


def newest(on: Runner) -> int:
    """Return the number of what was entered last; `hits` leaves out what comes later."""
    return last_entry(on)


def hits(on: Runner, owner: str, wanted: str, upto: int) -> list[Hit]:
    """Return what holds the words, of an `expression`, the best first.

    Before all others what is not indexed yet, which cannot be compared with the rest. Raises
    sqlalchemy.exc.DatabaseError when the index is malformed.
    """
    if is_postgres(on):
        from ilios.db.postgres import search as tsvectors

        return [Hit._make(row) for row in tsvectors.hits(on, owner, wanted, upto)]
    # Looked at first: what is indexed meanwhile is found there, or twice.
    newest_hits = _entered(on, owner, wanted, upto)
    known = {hit.number for hit in newest_hits}
    indexed = (hit for hit in _indexed(on, owner, wanted, upto) if hit.number not in known)
    return [*newest_hits, *indexed]


def _entered(on: Runner, owner: str, wanted: str, upto: int) -> list[Hit]:
    """Return what holds the words of what is entered and not indexed yet."""
    words = _ascii_words(wanted)
    texts, found = [], {}
    for *place, text in _ENTERED.all(on, of_owner=owner, newest=upto):
        hit = Hit._make(place)
        if _may_hold(text, words):
            found[hit.number] = hit
            texts.append((hit.number, text))
    return [found[number] for number in matching(texts, wanted)] if texts else []


def _ascii_words(wanted: str) -> list[str]:
    """Return the words of an expression that stand in each ASCII text that holds it."""
    words = (word for phrase in _QUOTED.findall(wanted) for word in phrase.split())
    return [word.lower() for word in words if word.isascii()]


def _may_hold(text: str, words: list[str]) -> bool:
    """Return False for most texts without the words: to index one takes a hundred times as long."""
    if not text.isascii():  # letters of others become ASCII in the index
        return True
    lower = text.lower()
    return all(word in lower for word in words)


def _indexed(on: Runner, owner: str, wanted: str, upto: int) -> list[Hit]:
    of_owner = f'owner : "{owner}" AND text : ({wanted})'
    numbers = [number for (number,) in _HOLDING.all(on, wanted=of_owner, newest=upto)]
    if not numbers:
        return []
    rows = _RANKED.all(
        on,
        wanted=f"text : ({wanted})",
        oldest=numbers[-1],
        newest=numbers[0],
        numbers=json.dumps(numbers),
    )
    return [Hit._make(row) for row in rows]


def text_of(on: Runner, hit: Hit) -> str | None:
    """Return the Markdown of a piece; None when it was deleted meanwhile."""
    place = {"of_document": hit.document_id, "of_index": hit.place}
    row = _PIECE.first(on, **place, numbered=hit.piece) if hit.piece else _PAGE.first(on, **place)
    return None if row is None else row[0]


def expression(q: str) -> str | None:
    """Return what the index is asked for: all words of a search; None when it has none.

    A word ends at white space. Signs in it separate words that have to follow one another.
    """
    left = WORDS_MAX
    phrases: dict[str, None] = {}
    for tokens, suffix in (phrase for word in q.split() for phrase in _phrases(word)):
        if tokens[:left]:
            phrases[f'"{" ".join(tokens[:left])}"{suffix}'] = None
        left -= len(tokens[:left])
    return " ".join(phrases) or None


def _phrases(word: str) -> Iterator[tuple[list[str], str]]:
    """Yield what the index has of a word, as `unspaced.terms` makes it, and what follows it."""
    for number, part in enumerate(_RUNS.split(word)):
        if number % 2 == 0:
            yield _TOKEN.findall(part), ""
        elif len(part) == 1:  # it may be the first letter of a pair
            yield [part], " *"
        else:
            yield list(pairs(part)), ""
