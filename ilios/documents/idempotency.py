"""Idempotency keys: what a client's request has created, so that the same one creates it once.

A key is noted in the transaction that creates its documents or its batch: there is never one
without the other. The answer is not kept, it is made anew from what was created. A request whose
conversion failed is no longer kept if its answer was that error. Takes a session, never commits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Integer, bindparam, delete, func, select
from sqlalchemy.orm import Session

from ilios.core import clock
from ilios.core.errors import IliosError
from ilios.core.idempotency_errors import IdempotencyKeyReused
from ilios.core.request_errors import Gone
from ilios.db.dialects import upsert
from ilios.db.models import (
    Batch,
    Document,
    DocumentStatus,
    IdempotencyKey,
    UrlSource,
    statuses,
)
from ilios.db.prepared import Prepared, Runner
from ilios.documents import snapshots
from ilios.documents.repository import GONE
from ilios.documents.snapshots import Snapshot
from ilios.engines.detection.media_types import UNKNOWN

LIFETIME: Final = timedelta(hours=24)
KEY_MAX_CHARACTERS: Final = 255
KEYS_MAX: Final = 100_000  #: of an owner; beyond them the oldest is forgotten

T = TypeVar("T")
Found = tuple[Snapshot, str | None]  #: a document, and its name before it was fetched

_BEGINNINGS: Final = {
    "p": (DocumentStatus.PENDING, False),
    "j": (DocumentStatus.PENDING, True),
    "c": (DocumentStatus.COMPLETED, True),
    "u": (DocumentStatus.AWAITING_UPLOAD, False),
}
"""How a document may begin: its status, and whether it has joined another."""
_LETTERS: Final = {beginning: letter for letter, beginning in _BEGINNINGS.items()}

_NOTHING_YET: Final[dict[str, Any]] = {
    **dict.fromkeys(("error", "error_code", "model", "page_count", "failed_pages")),
    **dict.fromkeys(("started_at", "processed_at")),
    "engine_fault": False,
    "warnings": [],
}
"""Of a document that waits."""

_OF_KEY = Prepared(
    select(
        IdempotencyKey.content,
        IdempotencyKey.batch_id,
        IdempotencyKey.documents,
        IdempotencyKey.accepted,
        IdempotencyKey.keeps_failures,
    ).where(
        IdempotencyKey.id == bindparam("of_key"), IdempotencyKey.created_at > bindparam("since")
    )
)
_WITH_FIRST_NAME: Final = select(*snapshots.COLUMNS, UrlSource.first_name).outerjoin(
    UrlSource, UrlSource.document_id == Document.id
)
_DOCUMENT = Prepared(_WITH_FIRST_NAME.where(Document.id == bindparam("of_document")))
_IN_BATCH = Prepared(
    _WITH_FIRST_NAME.where(Document.batch_id == bindparam("of_batch")).order_by(
        Document.created_at, Document.id
    )
)
_BATCH_COLUMNS: Final = tuple(Batch.__table__.columns)
_BATCH = Prepared(select(*_BATCH_COLUMNS).where(Batch.id == bindparam("of_batch")))
_NUMBERS: Final = select(func.coalesce(func.max(IdempotencyKey.number), 0)).where(
    IdempotencyKey.owner == bindparam("of_owner")
)
_INSERT = upsert(IdempotencyKey).values(
    id=bindparam("of_key"),
    owner=bindparam("of_owner"),
    number=_NUMBERS.scalar_subquery() + 1,
    content=bindparam("sent"),
    batch_id=bindparam("of_batch"),
    documents=bindparam("created", type_=IdempotencyKey.documents.type),
    accepted=bindparam("begun"),
    keeps_failures=bindparam("keeps", type_=IdempotencyKey.keeps_failures.type),
    created_at=bindparam("moment", type_=IdempotencyKey.created_at.type),
)
_NOTE = Prepared(
    _INSERT.on_conflict_do_update(
        index_elements=[IdempotencyKey.id],
        set_={
            name: _INSERT.excluded[name]
            for name in (
                *("number", "content", "batch_id", "documents", "accepted", "keeps_failures"),
                "created_at",
            )
        },
    )
)
_FORGET_OLDEST = Prepared(
    delete(IdempotencyKey).where(
        IdempotencyKey.owner == bindparam("of_owner"),
        IdempotencyKey.number <= _NUMBERS.scalar_subquery() - bindparam("kept", type_=Integer),
    )
)
_EXPIRED: Final = (
    select(IdempotencyKey.id)
    .where(IdempotencyKey.created_at <= bindparam("moment"))
    .order_by(IdempotencyKey.created_at)
    .limit(bindparam("at_most"))
)
_FORGET_EXPIRED = Prepared(delete(IdempotencyKey).where(IdempotencyKey.id.in_(_EXPIRED)))
_COUNT_EXPIRED = Prepared(
    select(func.count())
    .select_from(IdempotencyKey)
    .where(IdempotencyKey.created_at <= bindparam("moment"))
)


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request with a key, whose body has arrived."""

    key: str  #: hash of owner and key; see `key_of`
    owner: str
    content: str  #: hash of the request
    keeps_failures: bool = True  #: whether its answer stands when a conversion fails


@dataclass(frozen=True, slots=True)
class Created:
    """What a request has created, as it was then; a document that was deleted since says so."""

    documents: list[Snapshot]
    batch: Batch | None = None

    def batch_with_documents(self) -> tuple[Batch, list[Snapshot]]:
        if self.batch is None:
            raise TypeError("the request has created no batch")
        return self.batch, self.documents


class CreatedBefore(IliosError):
    """The same request has created this before: raised in place of creating it again."""

    def __init__(self, created: Created) -> None:
        super().__init__("This was created before.")
        self.created = created


@dataclass(frozen=True, slots=True)
class Once(Generic[T]):
    """A unit of work that creates documents, unless the same request has done so before."""

    repeatable: Repeatable
    unit: Callable[[Session], T]
    batch_id: str | None

    def __call__(self, session: Session) -> T:
        """Raise CreatedBefore, IdempotencyKeyReused, Gone, and what the unit raises."""
        require_new(session, self.repeatable)
        created: Any = self.unit(session)
        rows = created if isinstance(created, list) else [created]
        note(session, self.repeatable, rows, self.batch_id)
        return created  # type: ignore[no-any-return]  # as the unit has returned it


def once(
    repeatable: Repeatable | None, unit: Callable[[Session], T], batch_id: str | None = None
) -> Callable[[Session], T]:
    """Return the unit, which returns the row or rows of documents; with a key, one to do once."""
    return unit if repeatable is None else Once(repeatable, unit, batch_id)


def key_of(owner: str, key: str) -> str:
    """Return what a key of an owner is noted under: the key itself is stored nowhere."""
    return hashlib.sha256(f"{owner}\0{key}".encode()).hexdigest()


def is_noted(on: Runner, key: str) -> bool:
    """Return whether a request with a key, as `key_of` has it, has created something."""
    return _OF_KEY.first(on, of_key=key, since=clock.now() - LIFETIME) is not None


def require_new(on: Runner, repeatable: Repeatable | None) -> None:
    """Raise CreatedBefore if the same request has created something; see `created_by`."""
    found = None if repeatable is None else created_by(on, repeatable)
    if found is not None:
        raise CreatedBefore(found)


def created_by(on: Runner, repeatable: Repeatable) -> Created | None:
    """Return what the same request has created in the last 24 hours; None for nothing.

    Raises IdempotencyKeyReused for another request, and Gone for documents that were deleted since.
    """
    row = _OF_KEY.first(on, of_key=repeatable.key, since=clock.now() - LIFETIME)
    if row is None:
        return None
    content, batch_id, ids, accepted, keeps_failures = row
    found = _in_batch(on, batch_id) if batch_id else _documents(on, ids)
    if not keeps_failures and any(one.status in statuses.RETRYABLE for one, _ in found):
        return None  # its answer was an error, which is not kept
    if content != repeatable.content:
        raise IdempotencyKeyReused
    if batch_id is None and any(one.status is DocumentStatus.DELETED for one, _ in found):
        raise Gone(GONE)
    begun = [_as_it_began(*one, letter) for one, letter in zip(found, accepted, strict=True)]
    return Created(begun, _batch(on, batch_id) if batch_id else None)


def note(
    session: Session,
    repeatable: Repeatable | None,
    rows: Sequence[Mapping[str, Any]],
    batch_id: str | None = None,
) -> None:
    """Note what a request has created: the rows of documents, as they were inserted."""
    if repeatable is None:
        return
    accepted = (_LETTERS[row["status"], row["result_of"] is not None] for row in rows)
    _NOTE.send(
        session,
        of_key=repeatable.key,
        of_owner=repeatable.owner,
        sent=repeatable.content,
        of_batch=batch_id,
        created=[] if batch_id else [row["id"] for row in rows],
        begun="".join(accepted),
        keeps=repeatable.keeps_failures,
        moment=clock.now(),
    )
    _FORGET_OLDEST.send(session, of_owner=repeatable.owner, kept=KEYS_MAX)


def expired_count(on: Runner, now: datetime) -> int:
    """Return how many keys are older than 24 hours."""
    ((count,),) = _COUNT_EXPIRED.all(on, moment=now - LIFETIME)
    return int(count)


def forget_expired(session: Session, now: datetime, at_most: int) -> int:
    """Forget keys that are older than 24 hours, the oldest first; return how many."""
    return _FORGET_EXPIRED.run(session, moment=now - LIFETIME, at_most=at_most)


def _documents(on: Runner, ids: Sequence[str]) -> list[Found]:
    return [_found(row) for one in ids for row in _DOCUMENT.all(on, of_document=one)]


def _in_batch(on: Runner, batch_id: str) -> list[Found]:
    return list(map(_found, _IN_BATCH.all(on, of_batch=batch_id)))


def _found(row: Sequence[Any]) -> Found:
    *columns, first_name = row
    return Snapshot._make(columns), first_name


def _batch(on: Runner, batch_id: str) -> Batch:
    (row,) = _BATCH.all(on, of_batch=batch_id)
    return Batch.detached({column.key: v for column, v in zip(_BATCH_COLUMNS, row, strict=True)})


def _as_it_began(document: Snapshot, first_name: str | None, letter: str) -> Snapshot:
    """Return a document as it was when it was accepted, unless it was deleted since."""
    if document.status is DocumentStatus.DELETED:
        return document
    status, has_joined = _BEGINNINGS[letter]
    began = document._replace(
        status=status, result_of=(document.result_of or document.id) if has_joined else None
    )
    if first_name is not None:
        began = began._replace(file_name=first_name, file_size=0, mime_type=UNKNOWN)
    return began if status is DocumentStatus.COMPLETED else began._replace(**_NOTHING_YET)
