"""The full-text index on PostgreSQL: a tsvector for each piece of a page, under GIN.

The words are folded and numbered by us, as SQLite's tokenizer does it: PostgreSQL's own parser
takes addresses and numbers apart in its way, and its dictionaries would need an extension for
accents. The owner is a word too, so that a search meets its own documents only. An entry goes with
its page.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.types import UserDefinedType

from ilios.db.dialects import upsert
from ilios.db.models import Document
from ilios.db.prepared import Prepared, Runner

PAGES_MAX: Final = 20_000  #: the newest ones that hold the words are ranked
POSITION_MAX: Final = 16_383  #: of a word in a tsvector
POSITIONS_MAX: Final = 255  #: of one word in a tsvector
PHRASE_MAX: Final = 16  #: words of a phrase: a search has no more
WORD_MAX_BYTES: Final = 2_046  #: of a word in a tsvector; longer ones are not indexed
_OWNER: Final = "of/"  #: no word begins so
_TOKEN: Final = re.compile("[^\\W_]+")  #: of a text without accents
_PHRASE: Final = re.compile('"([^"]*)"( \\*)?')  #: of an expression of ilios.documents.search


class _Vector(UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "tsvector"


class _Query(UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "tsquery"


ENTRIES: Final = Table(
    "search_entries",
    MetaData(),  # not that of the models, whose tables are SQLite's too
    Column("id", BigInteger, primary_key=True),
    Column("document_id", Text),
    Column("index", Integer),  #: of the page
    Column("piece", Integer),  #: of its Markdown, from 0
    Column("part", Integer),  #: 0 of the one with all words of the piece; see `vectors`
    Column("words", _Vector),
)
_OF_OWNER: Final = (
    select(Document.owner).where(Document.id == bindparam("of_document")).scalar_subquery()
)
_ADD = Prepared(
    upsert(ENTRIES)
    .values(
        document_id=bindparam("of_document"),
        index=bindparam("of_index"),
        piece=bindparam("of_piece"),
        part=bindparam("of_part"),
        words=cast(
            bindparam("as_vector", type_=Text)
            + literal_column(f"' ''{_OWNER}'")
            + _OF_OWNER
            + literal_column("''''"),
            _Vector,
        ),
    )
    .on_conflict_do_nothing()
)
_NEWEST = Prepared(select(func.coalesce(func.max(ENTRIES.c.id), 0)))
_HOLDING = (
    select(ENTRIES)
    .where(
        ENTRIES.c.words.bool_op("@@")(cast(bindparam("of_owner", type_=Text), _Query)),
        ENTRIES.c.id <= bindparam("newest"),
    )
    .order_by(ENTRIES.c.id.desc())
    .limit(PAGES_MAX)
    .subquery("holding")
)
# By how often a piece has the words, whatever its length: what others store changes no rank.
_RANK: Final = func.ts_rank(_HOLDING.c.words, cast(bindparam("wanted", type_=Text), _Query))
_HITS = Prepared(
    select(_HOLDING.c.id, _HOLDING.c.document_id, _HOLDING.c.index, _HOLDING.c.piece).order_by(
        _RANK.desc(), _HOLDING.c.id.desc()
    )
)


def add(on: Runner, entries: Iterable[tuple[str, int, int, str]]) -> None:
    """Index pieces of pages, unless they are: document, index of the page, number, text."""
    rows: list[dict[str, object]] = [
        {
            "of_document": document_id,
            "of_index": index,
            "of_piece": piece,
            "of_part": part,
            "as_vector": as_vector,
        }
        for document_id, index, piece, text in entries
        for part, as_vector in enumerate(vectors(text))
    ]
    if rows:
        _ADD.run_many(on, rows)


def newest(on: Runner) -> int:
    """Return the number of what was indexed last; 0 of an empty index."""
    ((found,),) = _NEWEST.all(on)
    return int(found)


def hits(on: Runner, owner: str, expression: str, upto: int) -> list[tuple[int, str, int, int]]:
    """Return number, document, page and piece of what holds the words, the best first."""
    wanted = query(expression)
    if not wanted:
        return []
    of_owner = f"'{_OWNER}{owner}' & {wanted}"
    rows = _HITS.all(on, of_owner=of_owner, wanted=wanted, newest=upto)
    return [(number, document_id, index, piece) for number, document_id, index, piece in rows]


def folded(text: str) -> str:
    """Return a text in lower case, its letters without accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFD", text.lower())
    return "".join(letter for letter in parts if unicodedata.category(letter) != "Mn")


def vectors(text: str) -> Iterator[str]:
    """Yield tsvectors of a text, in the form that PostgreSQL reads.

    The first has all words. A tsvector has but POSITIONS_MAX places of a word, up to POSITION_MAX:
    the places that it lacks are in further ones, of words that follow one another. Each begins
    within the one before, so that no phrase is lost between them.
    """
    tokens = _TOKEN.findall(folded(text))
    places: dict[str, list[int]] = defaultdict(list)
    known = len(tokens)  #: up to here all places are
    for place, token in enumerate(tokens, start=1):
        found = places[token]
        if len(found) < POSITIONS_MAX and place <= POSITION_MAX:
            found.append(place)
            continue
        known = min(known, place - 1)
        if not found:
            found.append(POSITION_MAX)
    yield _written(places)
    while known < len(tokens):
        places, known = _window(tokens, known - PHRASE_MAX)
        yield _written(places)


def _window(tokens: list[str], start: int) -> tuple[dict[str, list[int]], int]:
    """Return the places of as many words as a tsvector has whole, and where they end."""
    places: dict[str, list[int]] = defaultdict(list)
    end = min(start + POSITION_MAX, len(tokens))
    for at in range(start, end):
        found = places[tokens[at]]
        if len(found) == POSITIONS_MAX:
            return places, at
        found.append(at - start + 1)
    return places, end


def _written(places: dict[str, list[int]]) -> str:
    return " ".join(
        f"'{word}':{','.join(map(str, found))}"
        for word, found in places.items()
        if len(word.encode()) <= WORD_MAX_BYTES
    )


def query(expression: str) -> str:
    """Return a tsquery for an expression of ilios.documents.search; empty when it has no word."""
    phrases = []
    for phrase, is_beginning in _PHRASE.findall(expression):
        tokens = [f"'{token}'" for token in _TOKEN.findall(folded(phrase))]
        if tokens and is_beginning:
            tokens[-1] += ":*"
        if tokens:
            phrases.append(f"({' <-> '.join(tokens)})")
    return " & ".join(phrases)
