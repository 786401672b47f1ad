"""What has changed of the documents and batches that are followed: one look for all who follow.

A row does not say when it was changed last. So a look compares what it finds with what the look
before has found, and tells each follower which documents are to be told anew: always their present
state, never each state in between. Nothing here waits, and nothing is sent: see
ilios.api.server.listeners.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from ilios.db.dialects import is_in, moment_text, unindexed
from ilios.db.models import PENDING, PROCESSING, Document, DocumentStatus, ProviderBatch
from ilios.db.models.base import UtcDateTime
from ilios.db.prepared import Prepared
from ilios.db.watch import Watch

OVERLAP: Final = timedelta(seconds=30)  #: by which a commit may come after the moments in its rows
RESUMED: Final = timedelta(hours=1)  #: what ended longer ago is not told to one who comes back
OPENING_MAX: Final = 1_000  #: open documents of a key that one who begins to follow is told of
CHANGES_MAX: Final = 10_000  #: documents that wait to be told to one follower
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    DOCUMENT = "document"
    BATCH = "batch"
    KEY = "key"  #: all documents of an owner


class Subject(NamedTuple):
    """What is followed."""

    kind: Kind
    id: str  #: of the document or the batch; of a key its owner
    owner: str


class State(NamedTuple):
    """What a look finds of a document, or of a batch, to compare it with the next."""

    moment: str  #: of a key's document that has ended: the end, or a later submission; else ""
    details: tuple[Any, ...]  #: of a key's document that is open, its submission comes last


States = dict[str, State]  #: by the id of the document or the batch

_ENDED: Final = (
    DocumentStatus.COMPLETED,
    DocumentStatus.ARCHIVED,
    DocumentStatus.FAILED,
    DocumentStatus.CANCELLED,
)
_result = aliased(Document)
# Statuses and moments are but compared: in the words of the database, which takes no time.
_STATUS: Final = type_coerce(Document.status, Text)
_STARTED: Final = moment_text(Document.started_at)
_CREATED: Final = moment_text(Document.created_at)
_PROCESSED: Final = moment_text(Document.processed_at)
_DOCUMENTS: Final = Prepared(
    select(
        Document.id,
        _STATUS,
        _STARTED,
        _PROCESSED,
        func.coalesce(_result.pages_done, Document.pages_done),
        func.coalesce(_result.page_count, Document.page_count),
    )
    .outerjoin(_result, _result.id == Document.result_of)
    .where(is_in(Document.id, bindparam("wanted")))
)
_BATCHES: Final = Prepared(
    select(
        Document.batch_id,
        _STATUS,
        func.count(),
        select(ProviderBatch.provider_status)
        .where(ProviderBatch.batch_id == Document.batch_id)
        .order_by(ProviderBatch.created_at)
        .limit(1)
        .scalar_subquery(),
    )
    .where(is_in(Document.batch_id, bindparam("wanted")))
    .group_by(Document.batch_id, Document.status)
)
_OF_OWNERS: Final = bindparam("owners", type_=String)
_SINCE: Final = bindparam("since", type_=UtcDateTime)
_NOTHING: Final = literal_column("''", Text)
_NO_MOMENT: Final = literal_column("NULL", Text)
_ZERO: Final = literal_column("0", Integer)
Number = ColumnElement[int] | InstrumentedAttribute[int] | InstrumentedAttribute[int | None]


def _of_keys(
    moment: ColumnElement[str],
    at: ColumnElement[str],
    done: Number = _ZERO,
    total: Number = _ZERO,
    created: ColumnElement[str] = _NOTHING,
) -> Select[*tuple[Any, ...]]:
    return select(
        Document.owner,
        Document.id,
        moment.label("moment"),
        _STATUS,
        at.label("at"),
        done.label("done"),
        total.label("total"),
        created.label("created"),
    )


_KEYS: Final = Prepared(
    union_all(
        _of_keys(_NOTHING, _NO_MOMENT, created=_CREATED).where(
            is_in(Document.owner, _OF_OWNERS), Document.status == PENDING
        ),
        _of_keys(_NOTHING, _STARTED, Document.pages_done, Document.page_count, _CREATED).where(
            is_in(Document.owner, _OF_OWNERS), Document.status == PROCESSING
        ),
        _of_keys(_CREATED, _PROCESSED).where(
            is_in(Document.owner, _OF_OWNERS),
            Document.status.in_(_ENDED),
            Document.created_at >= _SINCE,
        ),
        _of_keys(_PROCESSED, _PROCESSED).where(
            Document.status.in_(_ENDED),
            Document.processed_at >= _SINCE,
            is_in(unindexed(Document.owner), _OF_OWNERS),
        ),
    )
)
"""The open documents of owners, what was submitted since a moment and has ended, and what has ended
since then; not by the index of owners, which has all that an owner has ever sent."""


class Follower:
    """Somebody who follows a document, a batch or a key, and what is still to be told of it."""

    __slots__ = ("begins_at", "changed", "seen_until", "subject", "told_until")

    def __init__(self, subject: Subject, now: datetime, since: datetime | None = None) -> None:
        """`since`: until when a key's follower was told everything before, if it was."""
        self.subject = subject
        self.changed: dict[str, None] = {}  #: ids, the oldest change first
        self.told_until = now  #: everything from before this moment was told
        self.begins_at = now  #: what ends from here on, the first look tells a key's follower
        if since is not None:
            self.told_until = max(min(since, now), now - RESUMED)
            self.begins_at = self.told_until - OVERLAP
        self.seen_until = self.told_until  #: what is older is told, or among `changed`

    def note_told(self, document_id: str) -> None:
        """Take an id out of what is to be told."""
        del self.changed[document_id]
        if not self.changed:
            self.told_until = self.seen_until

    @property
    def is_overrun(self) -> bool:
        """Whether more is to be told than is kept for one follower."""
        return len(self.changed) > CHANGES_MAX


class Following:
    """All who follow, and what the last look has found for them. Not for several threads."""

    def __init__(self) -> None:
        self._followers: dict[Subject, set[Follower]] = defaultdict(set)
        self._new: set[Follower] = set()
        self._found: dict[Subject, States] = {}
        self._looked_at = BEGINNING

    def add(self, follower: Follower) -> None:
        """Follow from the next look on, which is to come also if nothing is committed before."""
        self._followers[follower.subject].add(follower)
        self._new.add(follower)

    def remove(self, follower: Follower) -> None:
        followers = self._followers[follower.subject]
        followers.discard(follower)
        self._new.discard(follower)
        if not followers:
            del self._followers[follower.subject]
            self._found.pop(follower.subject, None)

    @property
    def is_look_due(self) -> bool:
        """Whether somebody is there for whom nobody has looked."""
        return bool(self._new)

    def look(self, watch: Watch, now: datetime) -> None:
        """Note for each follower what is to be told, because it has changed or was never told."""
        before = min(now, self._looked_at) if self._found else now  # a clock may be set back
        since = before - OVERLAP
        found = self._read(watch, min((since, *(follower.begins_at for follower in self._new))))
        for subject, followers in self._followers.items():
            states = found.get(subject, {})
            changed = _changed(self._found.get(subject), states, as_text(since))
            for follower in followers:
                is_new = follower in self._new
                told = _opening(follower, states) if is_new else changed
                follower.changed.update(dict.fromkeys(told))
                follower.seen_until = now
                if not follower.changed:
                    follower.told_until = now
            self._found[subject] = states
        self._looked_at = now
        self._new.clear()

    def _read(self, watch: Watch, since: datetime) -> dict[Subject, States]:
        """Return the states of everything that is followed, of keys those that may have changed."""
        subjects: dict[Kind, dict[str, Subject]] = {kind: {} for kind in Kind}
        for subject in self._followers:
            subjects[subject.kind][subject.id] = subject
        found: dict[Subject, States] = defaultdict(dict)
        if documents := subjects[Kind.DOCUMENT]:
            for document_id, *details in _DOCUMENTS.all(watch, wanted=json.dumps([*documents])):
                found[documents[document_id]][document_id] = State("", tuple(details))
        if batches := subjects[Kind.BATCH]:
            counts = defaultdict[str, list[tuple[Any, ...]]](list)
            for batch_id, *count in _BATCHES.all(watch, wanted=json.dumps([*batches])):
                counts[batch_id].append(tuple(count))
            for batch_id, of_batch in counts.items():
                found[batches[batch_id]][batch_id] = State("", tuple(sorted(of_batch)))
        if keys := subjects[Kind.KEY]:
            rows = _KEYS.all(watch, owners=json.dumps([*keys]), since=since)
            for owner, document_id, moment, *details in rows:
                of_owner = found[keys[owner]]
                if document_id not in of_owner or of_owner[document_id].moment < moment:
                    of_owner[document_id] = State(moment, tuple(details))
        return found


def as_text(moment: datetime) -> str:
    """Return a moment as `moment_text` gives it, to compare it with those of rows."""
    written = moment.astimezone(UTC).isoformat(" ", "microseconds")
    return written.removesuffix("+00:00")


def _changed(before: States | None, states: States, since: str) -> list[str]:
    """Return the ids of what has changed since the look before; what ended before that was told."""
    if before is None:
        return []
    changed = [
        document_id
        for document_id, state in states.items()
        if (known := before.get(document_id)) != state
        and (known is not None or not state.moment or state.moment >= since)
    ]
    gone = (one for one in before if one not in states)
    return [*changed, *(one for one in gone if not before[one].moment)]


def _opening(follower: Follower, states: States) -> Iterable[str]:
    """Return what one who begins to follow is told: of a key what ended meanwhile, and is open.

    Meanwhile is since the follower came, too: a document may have begun and ended before the look.
    """
    if follower.subject.kind is not Kind.KEY:
        return [follower.subject.id]
    created = [(s.details[-1], one) for one, s in states.items() if not s.moment]
    still_open = [one for _, one in sorted(created)]
    begins_at = as_text(follower.begins_at)
    moments = [(s.moment, one) for one, s in states.items() if s.moment]
    ended = [one for moment, one in sorted(moments) if moment >= begins_at]
    return [*ended[-CHANGES_MAX + OPENING_MAX :], *still_open[-OPENING_MAX:]]
