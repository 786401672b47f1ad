"""Lists of documents, page by page: newest first, stable while others are submitted."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, literal_column, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from ilios.core.ids import is_id
from ilios.core.request_errors import InvalidCursor
from ilios.db.database import Database
from ilios.db.models import DELETED, Document, DocumentStatus
from ilios.db.models.base import UtcDateTime
from ilios.db.prepared import Prepared, Runner
from ilios.documents.snapshots import COLUMNS, Snapshot

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
_SPECIAL: Final = frozenset("*?[")  #: of GLOB patterns
_ESCAPE: Final = "/"  #: of LIKE patterns
_SPECIAL_OF_LIKE: Final = re.compile(f"[%_{_ESCAPE}]")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of an owner's documents to list; deleted ones only if their status is asked for."""

    owner: str
    status: DocumentStatus | None = None
    batch_id: str | None = None
    q: str | None = None  #: a part of the file name, in whatever case


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of documents, and the cursor of the next one: None after the last."""

    documents: list[Snapshot]
    next_cursor: str | None


class Listing:
    """Lists documents, each page by one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def documents(self, which: Filter, cursor: str | None, limit: int) -> Listed:
        """Return at most `limit` documents after the cursor. Raises InvalidCursor."""
        after = _position(which, cursor) if cursor is not None else None
        with self._database.watching() as watch:
            found = list_after(watch, which, after, limit + 1)
        has_more = len(found) > limit
        shown = found[:limit]
        return Listed(shown, _cursor(which, shown[-1]) if has_more else None)


def list_after(
    on: Runner, which: Filter, after: tuple[datetime, str] | None, limit: int
) -> list[Snapshot]:
    """Return documents in the order of the list, from the place `after`."""
    given = {
        "of_owner": which.owner,
        "of_batch": which.batch_id,
        "of_status": which.status if which.status is not DocumentStatus.DELETED else None,
        "named": None if which.q is None else _pattern(which.q),
        "moment": after and after[0],
        "last_id": after and after[1],
    }
    parameters = {name: value for name, value in given.items() if value is not None}
    rows = _prepared(
        frozenset(parameters),
        is_ascii=which.q is None or which.q.isascii(),
        deleted=which.status is DocumentStatus.DELETED,
    ).all(on, **parameters, at_most=limit)
    return [Snapshot._make(row) for row in rows]


@cache
def _prepared(given: frozenset[str], *, is_ascii: bool, deleted: bool) -> Prepared:
    """Return the query that takes these parameters: there are 36."""
    listed = select(*COLUMNS).where(*_conditions(given, is_ascii=is_ascii, deleted=deleted))
    if "moment" in given:
        place = tuple_(bindparam("moment", type_=UtcDateTime), bindparam("last_id"))
        listed = listed.where(tuple_(Document.created_at, Document.id) < place)
    newest_first = listed.order_by(Document.created_at.desc(), Document.id.desc())
    return Prepared(newest_first.limit(bindparam("at_most")))


def _conditions(
    given: frozenset[str], *, is_ascii: bool, deleted: bool
) -> Iterator[ColumnElement[bool]]:
    if "of_batch" in given:  # a batch is small, and the owner's list is not
        yield _unindexed(Document.owner) == bindparam("of_owner")
        yield Document.batch_id == bindparam("of_batch")
    else:
        yield Document.owner == bindparam("of_owner")
    if "named" in given and is_ascii:
        # LIKE knows the cases of these letters only, and is five times as fast.
        yield Document.file_name.like(bindparam("named"), escape=_ESCAPE)
    elif "named" in given:
        yield Document.file_name.op("GLOB")(bindparam("named"))
    # As the partial index says it.
    yield Document.status == DELETED if deleted else Document.status != DELETED
    if "of_status" in given:  # the name is compared first, in the index of names
        status = _unindexed(Document.status) if "named" in given else Document.status
        yield status == bindparam("of_status")


def _unindexed(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return the column without use of its index."""
    return literal_column(f"+documents.{column.key}", column.type)


def _pattern(part: str) -> str:
    """Return what the names match that have this part, in either case of each letter."""
    if part.isascii():
        return f"%{_SPECIAL_OF_LIKE.sub(lambda found: _ESCAPE + found[0], part)}%"
    return f"*{''.join(map(_either_case, part))}*"


def _either_case(letter: str) -> str:
    cases = {case for case in (letter, letter.lower(), letter.upper()) if len(case) == 1}
    if cases == {letter} and letter not in _SPECIAL:
        return letter
    return f"[{''.join(sorted(cases))}]"


def _cursor(which: Filter, last: Snapshot) -> str:
    place = [last.created_at.isoformat(), last.id, _mark(which)]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _position(which: Filter, cursor: str) -> tuple[datetime, str]:
    place = _read(cursor)
    if place is None:
        raise InvalidCursor(
            "cursor is none that was given out. Take `nextCursor` of the last answer as it is, "
            "or leave it out to begin anew."
        )
    moment, document_id, mark = place
    if mark != _mark(which):
        raise InvalidCursor(
            "cursor belongs to a list with other filters. Send the same status, batchId and q as "
            "before, or leave it out to begin anew."
        )
    return moment, document_id


def _read(cursor: str) -> tuple[datetime, str, str] | None:
    """Return the contents of a cursor; None for one that we have not written."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        written, document_id, mark = json.loads(text)
        moment = datetime.fromisoformat(written)
        is_ours = moment.utcoffset() == timedelta(0) and is_id(document_id)
    except (ValueError, TypeError, RecursionError):
        return None
    return (moment, document_id, mark) if is_ours else None


def _mark(which: Filter) -> str:
    """Return a digest of the filter, which binds a cursor to it."""
    return hashlib.sha256(repr(astuple(which)).encode()).hexdigest()[:16]
