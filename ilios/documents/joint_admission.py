"""Admission of documents of several requests at once, for a database that is a network away.

What they need to know is asked in one way there and back, and two statements insert all of them.
Those of which more has to be known are left to ilios.documents.admission. Takes a session, never
commits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeGuard

from sqlalchemy import JSON, Text, bindparam, cast, column, func, select

from ilios.accounts import holdings
from ilios.accounts.holdings import Holding, Standard
from ilios.core.errors import IliosError
from ilios.core.request_errors import StorageQuotaExceeded, TooManyWaiting
from ilios.db.driver_session import DriverSession
from ilios.db.models import Document
from ilios.db.prepared import Asked, Prepared, all_at_once
from ilios.documents import repository
from ilios.documents.admission import Candidate, columns_of_result
from ilios.documents.remote import RemoteCandidate
from ilios.queue import joint, priority
from ilios.queue.priority import Place

_GIVEN: Final = (
    func.json_to_recordset(cast(bindparam("named", type_=Text), JSON))
    .table_valued(column("owner", Text), column("fingerprint", Text))
    .render_derived(name="given", with_types=True)
)
_KNOWN = Prepared(
    select(Document.owner, Document.fingerprint).join(
        _GIVEN,
        (Document.owner == _GIVEN.c.owner)
        & (Document.fingerprint == _GIVEN.c.fingerprint)
        & Document.fingerprint.is_not(None)  # as the partial index says it
        & Document.result_of.is_(None),
    )
)
_LIKE_ALL: Final = {
    **columns_of_result(None),
    **dict.fromkeys(("batch_id", "provider_batch_id")),
    **dict.fromkeys(("reserved_pages", "reserved_micros"), 0),
}

Outcome = dict[str, Any] | IliosError | None
"""The row of a document, why it is refused, or None of one that is left."""


def admit(
    session: DriverSession,
    candidates: Sequence[tuple[Candidate | RemoteCandidate, Standard]],
    now: datetime,
) -> list[Outcome]:
    """Insert documents, each with a job, in this order; as far as no more has to be known."""
    plain = [candidate for candidate, _ in candidates if _is_plain(candidate)]
    if not plain:
        return [None] * len(candidates)
    known = _Known.of(session, plain)
    outcomes: list[Outcome] = []
    admitted: list[Candidate] = []
    for candidate, standard in candidates:
        if not _is_plain(candidate) or not known.is_new(candidate):
            outcomes.append(None)
            continue
        try:
            known.take_room(session, candidate, standard)
        except (StorageQuotaExceeded, TooManyWaiting) as refusal:
            outcomes.append(refusal)
            continue
        outcomes.append(candidate.columns | _LIKE_ALL | {"created_at": now})
        admitted.append(candidate)
    rows = [row for row in outcomes if isinstance(row, dict)]
    repository.INSERT_SUBMITTED.run_many(session, rows)
    joint.enqueue(session, [known.job(candidate, now) for candidate in admitted], now)
    return [repository.whole(one) if isinstance(one, dict) else one for one in outcomes]


def _is_plain(candidate: Candidate | RemoteCandidate) -> TypeGuard[Candidate]:
    """Return whether nothing but a row and a job is to be inserted for a document."""
    order = candidate.order
    return (
        isinstance(candidate, Candidate)
        and candidate.sealed is None
        and not order.provider_batch
        and order.options.max_cost_micros is None
        and order.options.extraction is None
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database knows of the owners of documents, and of these."""

    rows: dict[str, Sequence[Any]]  #: what each owner holds, as `holdings.answered` takes it
    limited: set[str]  #: owners with a quota
    documents: set[tuple[str, str]]  #: owners and fingerprints
    ranks: dict[Place, tuple[int | None, int | None]]
    held: dict[str, Holding]  #: with what was admitted

    @classmethod
    def of(cls, session: DriverSession, candidates: Sequence[Candidate]) -> _Known:
        owners = sorted({candidate.order.owner for candidate in candidates})
        places = sorted({_place(candidate) for candidate in candidates})
        named = [
            {"owner": candidate.order.owner, "fingerprint": candidate.columns["fingerprint"]}
            for candidate in candidates
        ]
        documents, *found = all_at_once(
            session,
            [
                Asked(_KNOWN, {"named": json.dumps(named)}),
                *map(holdings.asked, owners),
                *map(priority.asked, places),
            ],
        )
        held, ranks = found[: len(owners)], found[len(owners) :]
        return cls(
            {owner: row for owner, ((*row, _),) in zip(owners, held, strict=True)},
            {owner for owner, ((*_, has_quota),) in zip(owners, held, strict=True) if has_quota},
            {(owner, fingerprint) for owner, fingerprint in documents},
            {place: (head, tail) for place, ((head, tail),) in zip(places, ranks, strict=True)},
            {},
        )

    def is_new(self, candidate: Candidate) -> bool:
        """Return whether no other document has to do with it, of these here either."""
        named = candidate.order.owner, candidate.columns["fingerprint"]
        if candidate.order.owner in self.limited:
            return False
        if candidate.order.cache and named in self.documents:
            return False
        self.documents.add(named)
        return True

    def take_room(self, session: DriverSession, candidate: Candidate, standard: Standard) -> None:
        """Add a document to what its owner holds. Raises StorageQuotaExceeded, TooManyWaiting."""
        owner = candidate.order.owner
        if owner not in self.held:
            self.held[owner] = holdings.answered(session, self.rows[owner], standard)
        holding, size_bytes = self.held[owner], holdings.counted_bytes(candidate.size_bytes)
        holding.require_room(size_bytes, 1)
        self.held[owner] = replace(
            holding,
            stored_bytes=holding.stored_bytes + size_bytes,
            waiting_documents=holding.waiting_documents + 1,
        )

    def job(self, candidate: Candidate, now: datetime) -> joint.New:
        """Return the job of a document, which comes behind those that were asked for before."""
        place, order = _place(candidate), candidate.order
        rank = priority.rank(*self.ranks[place], order.priority, now)
        self.ranks[place] = self.ranks[place][0], rank
        return joint.New(candidate.stored.document_id, place, rank, order.origin)


def _place(candidate: Candidate) -> Place:
    return Place(candidate.lane, candidate.order.owner, candidate.order.priority)
