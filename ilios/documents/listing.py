"""Lists of documents, page by page, stable while others are submitted.

They come newest first. With words to search for, those come first whose names have them. Those
whose pages do follow: the best of them first, then the others, those first that were indexed last.
How good a page is changes with all that is stored, so that the first page of a list settles which
are the best, and its cursors say so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import astuple, dataclass, field
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    String,
    Text,
    bindparam,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.exc import DatabaseError

from ilios.core.owner_places import OwnerPlaces, guest_places
from ilios.core.request_errors import Busy, SearchTooWide
from ilios.db.database import Database
from ilios.db.dialects import is_in, is_postgres, unindexed
from ilios.db.models import DELETED, Document, DocumentStatus
from ilios.db.models.base import UtcDateTime
from ilios.db.prepared import Prepared, Runner
from ilios.db.sqlite_database import is_index_malformed
from ilios.db.watch import Watch
from ilios.documents import list_cursors, names, search, snippets
from ilios.documents.list_cursors import NamePlace, Place, TextPlace
from ilios.documents.search import Hit
from ilios.documents.snapshots import COLUMNS, Snapshot
from ilios.documents.snippets import Match

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
RANKED_MAX: Final = 100  #: results that come first, the best first
RESULTS_AT_ONCE: Final = 100  #: of which a statement tells which have documents to list
SEARCH_SECONDS: Final = 5.0  #: in which the pages that have the words are found and ranked
SEARCHES_MAX: Final = 2  #: of a process at once, besides those of guests
WAIT_SECONDS: Final = 20.0  #: for others to be done
MATCHES_MAX: Final = 3  #: pages of a document that are shown
LOOKED_THROUGH_CHARACTERS: Final = 4 * 1024 * 1024
"""Of the pages of an answer, in which the words are looked for to show what is around them."""
_RESULT: Final = func.coalesce(Document.result_of, Document.id)
_RESULTS: Final = bindparam("of_results", type_=String)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of an owner's documents to list; deleted ones only if their status is asked for."""

    owner: str
    status: DocumentStatus | None = None
    batch_id: str | None = None
    q: str | None = None  #: a part of the file name, in whatever case, or words of a page


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of documents, and the cursor of the next one: None after the last."""

    documents: list[Snapshot]
    next_cursor: str | None
    matches: Mapping[str, list[Match]]
    """By document, if there are words to search for: the best of its pages that have them."""


class Listing:
    """Lists documents; each page takes a few statements, each of which sees the newest rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._places = OwnerPlaces(SEARCHES_MAX, guest_places(SEARCHES_MAX))

    def documents(self, which: Filter, cursor: str | None, limit: int) -> Listed:
        """Return at most `limit` documents after the cursor.

        Raises InvalidCursor; with words to search for also SearchTooWide, and Busy when others
        search for too long.
        """
        if which.q is None:
            return self._page(which, cursor, limit)
        try:
            self._places.take(which.owner, WAIT_SECONDS)
        except TimeoutError:
            raise Busy(
                f"Other searches have taken {WAIT_SECONDS:g} seconds. Try again later."
            ) from None
        try:
            return self._page(which, cursor, limit)
        finally:
            self._places.give_back(which.owner)

    def _page(self, which: Filter, cursor: str | None, limit: int) -> Listed:
        mark = _mark(which)
        after = list_cursors.read(cursor, mark) if cursor is not None else None
        found: list[tuple[Snapshot, Place]] = []
        with self._database.watching() as watch:
            start: TextPlace | int
            if isinstance(after, TextPlace):
                start, upto = after, after.upto
            else:
                start = upto = search.newest(watch) if which.q else 0
                named = list_after(watch, which, after, limit + 1)
                found += [(one, NamePlace(one.created_at, one.id)) for one in named]
            results = self._results(watch, which, upto)
            in_texts = _in_texts(watch, which, results, start, limit + 1)
            found += islice(in_texts, limit + 1 - len(found))
            shown = [one for one, _ in found[:limit]]
            matches = _matches(watch, results, shown, which.q) if which.q else {}
        has_more = len(found) > limit
        next_cursor = list_cursors.write(found[limit - 1][1], mark) if has_more else None
        return Listed(shown, next_cursor, matches)

    def _results(self, on: Watch, which: Filter, upto: int) -> dict[str, _Result]:
        """Return the results that have the words, by the id of their document, the best first.

        A deleted document may still have pages, which others show.
        """
        wanted = search.expression(which.q or "")
        found: dict[str, _Result] = {}
        if wanted is None or which.status is DocumentStatus.DELETED:
            return found
        try:
            with on.limited(SEARCH_SECONDS):
                hits = search.hits(on, which.owner, wanted, upto)
        except TimeoutError:
            raise SearchTooWide(
                f"The best pages that have these words were not found in {SEARCH_SECONDS:g} "
                "seconds. Search for more words, or for rarer ones."
            ) from None
        except DatabaseError as error:
            if not is_index_malformed(error):
                raise
            self._database.ask_for_new_index(error)
            return found
        for hit in hits:
            found.setdefault(hit.document_id, _Result()).add(hit)
        return found


@dataclass(slots=True)
class _Result:
    """Pages of a document that have the words."""

    newest: int = 0  #: number of what was indexed last of them, which stays as it is
    best: list[Hit] = field(default_factory=list)  #: of a long page its best piece

    def add(self, hit: Hit) -> None:
        """Add the next best one."""
        self.newest = max(self.newest, hit.number)
        if len(self.best) < MATCHES_MAX and hit.place not in [one.place for one in self.best]:
            self.best.append(hit)


def _in_texts(
    on: Runner, which: Filter, results: dict[str, _Result], start: TextPlace | int, at_most: int
) -> Iterator[tuple[Snapshot, Place]]:
    """Yield documents that have these results, each with the place behind it.

    From a place on, or from the beginning, and up to what was indexed last.
    """
    if isinstance(start, TextPlace):
        upto, best, behind = start.upto, start.best, start
    else:
        listed = islice(_listed(on, which, results), RANKED_MAX)
        upto, best, behind = start, tuple(results[result].newest for result in listed), None
    of_number = {result.newest: one for one, result in results.items()}
    numbers = [*best, *sorted(of_number.keys() - set(best), reverse=True)]
    if behind is not None and behind.result in best:
        numbers = numbers[best.index(behind.result) :]
    elif behind is not None:
        numbers = [number for number in numbers[len(best) :] if number <= behind.result]
    left = (of_number[number] for number in numbers if number in of_number)
    for result in _listed(on, which, left):
        number = results[result].newest
        place: dict[str, object] = {"of_result": result}
        if behind is not None and number == behind.result:
            place |= {"moment": behind.moment, "last_id": behind.document_id}
        for row in _rows(on, which, place, at_most):
            yield row, TextPlace(upto, number, row.created_at, row.id, best)


def _listed(on: Runner, which: Filter, results: Iterable[str]) -> Iterator[str]:
    """Yield those of the results that the documents to list have, in the same order."""
    left = iter(results)
    while some := list(islice(left, RESULTS_AT_ONCE)):
        rows = _run(on, which, {"of_results": json.dumps(some)})
        with_documents = {result for (result,) in rows}
        yield from (one for one in some if one in with_documents)


def _matches(
    on: Runner, results: dict[str, _Result], shown: list[Snapshot], q: str
) -> dict[str, list[Match]]:
    """Return what is shown of the best pages of each document."""
    matches: dict[str, list[Match]] = {}
    left = LOOKED_THROUGH_CHARACTERS
    for one in shown:
        of_document = matches[one.id] = []
        result = results.get(one.result_id)
        for hit in result.best if result else ():
            if (text := search.text_of(on, hit)) is not None:
                of_document.append(snippets.match(hit.place + 1, text, q, within=left))
                left -= len(text)
    return matches


def list_after(
    on: Runner, which: Filter, after: tuple[datetime, str] | None, limit: int
) -> list[Snapshot]:
    """Return documents in the order of the list, from the place `after`."""
    place: dict[str, object] = {}
    if after is not None:
        place = {"moment": after[0], "last_id": after[1]}
    is_narrow = which.status is not None or which.batch_id is not None
    if which.q is None or is_narrow or is_postgres(on):
        return _rows(on, which, place, limit)  # few documents of a range may be listed
    found: list[Snapshot] = []
    with closing(names.ranges(on, which.owner, which.q, after and after[0])) as ranges:
        for behind, upto in ranges:
            place |= {"behind": behind, "up_to": upto}
            found += _rows(on, which, place, limit - len(found))
            if len(found) == limit:
                break
    return found


def _rows(on: Runner, which: Filter, place: dict[str, object], limit: int) -> list[Snapshot]:
    return [Snapshot._make(row) for row in _run(on, which, place | {"at_most": limit})]


def _run(on: Runner, which: Filter, further: dict[str, object]) -> list[tuple[Any, ...]]:
    is_like = which.q is None or which.q.isascii() or is_postgres(on)
    given: dict[str, object] = {
        "of_owner": which.owner,
        "of_batch": which.batch_id,
        "of_status": which.status if which.status is not DocumentStatus.DELETED else None,
        "named": None if which.q is None else names.pattern(which.q, is_like=is_like),
    }
    parameters = {name: value for name, value in given.items() if value is not None} | further
    return _prepared(
        frozenset(parameters),
        is_like=is_like,
        deleted=which.status is DocumentStatus.DELETED,
    ).all(on, **parameters)


@cache
def _prepared(given: frozenset[str], *, is_like: bool, deleted: bool) -> Prepared:
    """Return the query that takes these parameters: there are 60."""
    conditions = _conditions(given, is_like=is_like, deleted=deleted)
    if "of_results" in given:
        return Prepared(select(_RESULT).distinct().where(*conditions))
    listed = select(*COLUMNS).where(*conditions)
    if "moment" in given:
        place = tuple_(bindparam("moment", type_=UtcDateTime), bindparam("last_id"))
        listed = listed.where(tuple_(Document.created_at, Document.id) < place)
    newest_first = listed.order_by(Document.created_at.desc(), Document.id.desc())
    return Prepared(newest_first.limit(bindparam("at_most")))


def _conditions(
    given: frozenset[str], *, is_like: bool, deleted: bool
) -> Iterator[ColumnElement[bool]]:
    in_texts = not given.isdisjoint(("of_result", "of_results"))
    if "of_result" in given:
        yield from _of_result(given)
    elif "of_batch" in given:  # a batch is small, and the owner's list is not
        yield unindexed(Document.owner) == bindparam("of_owner")
        yield Document.batch_id == bindparam("of_batch")
        if in_texts:
            yield is_in(_RESULT, _RESULTS)
    elif in_texts:
        yield unindexed(Document.owner) == bindparam("of_owner")
        yield or_(is_in(Document.id, _RESULTS), is_in(Document.result_of, _RESULTS))
    else:
        yield Document.owner == bindparam("of_owner")
    if "behind" in given:
        yield Document.created_at > bindparam("behind", type_=Text)
        yield Document.created_at <= bindparam("up_to", type_=Text)
    if "named" in given:
        is_named = names.has_part(Document.file_name, is_like=is_like)
        # Those that are listed for their names are not listed for their pages.
        yield ~is_named if in_texts else is_named
    # As the partial index says it.
    yield Document.status == DELETED if deleted else Document.status != DELETED
    if "of_status" in given:  # the name is compared first, in the index of names
        status = unindexed(Document.status) if "named" in given else Document.status
        yield status == bindparam("of_status")


def _of_result(given: frozenset[str]) -> Iterator[ColumnElement[bool]]:
    yield unindexed(Document.owner) == bindparam("of_owner")
    result: BindParameter[str] = bindparam("of_result")
    yield or_(Document.id == result, Document.result_of == result)
    if "of_batch" in given:
        yield unindexed(Document.batch_id) == bindparam("of_batch")


def _mark(which: Filter) -> str:
    """Return a digest of the filter, which binds a cursor to it."""
    return hashlib.sha256(repr(astuple(which)).encode()).hexdigest()[:16]
