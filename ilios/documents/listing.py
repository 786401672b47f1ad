"""Lists of documents, page by page: newest first, stable while others are submitted."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, literal_column, select, tuple_

from ilios.core.ids import is_id
from ilios.core.request_errors import InvalidCursor
from ilios.db.database import Database
from ilios.db.models import DELETED, Document, DocumentStatus

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
_SPECIAL: Final = frozenset("*?[")  #: of GLOB patterns


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

    documents: list[Document]
    next_cursor: str | None


class Listing:
    """Lists documents, each page from one read transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def documents(self, which: Filter, cursor: str | None, limit: int) -> Listed:
        """Return at most `limit` documents after the cursor. Raises InvalidCursor."""
        after = _position(which, cursor) if cursor is not None else None
        with self._database.reading() as session:
            found = list(session.scalars(statement(which, after, limit + 1)))
        has_more = len(found) > limit
        shown = found[:limit]
        return Listed(shown, _cursor(which, shown[-1]) if has_more else None)


def statement(which: Filter, after: tuple[datetime, str] | None, limit: int) -> Select[Document]:
    """Return the query for documents in the order of the list, from the place `after`."""
    listed = select(Document).where(*_conditions(which))
    if after is not None:
        listed = listed.where(tuple_(Document.created_at, Document.id) < tuple_(*after))
    return listed.order_by(Document.created_at.desc(), Document.id.desc()).limit(limit)


def _conditions(which: Filter) -> list[ColumnElement[bool]]:
    if which.batch_id is None:
        conditions = [Document.owner == which.owner]
    else:  # a batch is small, and the owner's list is not
        owner = literal_column("+documents.owner", Document.owner.type)
        conditions = [owner == which.owner, Document.batch_id == which.batch_id]
    if which.q is not None:
        conditions.append(_is_named(which.q))
    if which.status is DocumentStatus.DELETED:
        return [*conditions, Document.status == DELETED]
    conditions.append(Document.status != DELETED)  # as the partial index says it
    if which.status is not None:
        status = Document.status if which.q is None else _unindexed_status()
        conditions.append(status == which.status)
    return conditions


def _unindexed_status() -> ColumnElement[DocumentStatus]:
    """Return the status without use of its index: the name is compared first, in another."""
    return literal_column("+documents.status", Document.status.type)


def _is_named(part: str) -> ColumnElement[bool]:
    """Return the condition that the file name has this part, in either case of each letter."""
    if part.isascii():  # LIKE knows the cases of these only, and is five times as fast
        return Document.file_name.contains(part, autoescape=True)
    return Document.file_name.op("GLOB")(_pattern(part))


def _pattern(part: str) -> str:
    return f"*{''.join(map(_either_case, part))}*"


def _either_case(letter: str) -> str:
    cases = {case for case in (letter, letter.lower(), letter.upper()) if len(case) == 1}
    if cases == {letter} and letter not in _SPECIAL:
        return letter
    return f"[{''.join(sorted(cases))}]"


def _cursor(which: Filter, last: Document) -> str:
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
