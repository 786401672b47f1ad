"""Answers of several jobs at once, for a database that is a network away.

What has to be known is asked with the end of the jobs, in one way there and back. Then each
statement writes for all of them, but for those that need more: these end one by one, as a unit of
work of theirs does it. Takes a session, never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ilios.accounts import ledger
from ilios.db.driver_session import DriverSession
from ilios.db.prepared import all_at_once
from ilios.documents import job_outcome, joint_results, page_states
from ilios.documents.joint_results import Result
from ilios.documents.page_states import PageState
from ilios.queue import joint

if TYPE_CHECKING:
    from ilios.conversion.units_of_work import StoreAnswer


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The outcome of StoreAnswer."""

    is_ours: bool  #: the lease held; without it, only a paid answer is kept
    is_settled: bool  #: now, and not before
    is_document_complete: bool


NOT_OURS: Final = StoredAnswer(is_ours=False, is_settled=False, is_document_complete=False)
WHOLE: Final = StoredAnswer(is_ours=True, is_settled=True, is_document_complete=True)


def store(
    session: DriverSession, units: Sequence[StoreAnswer], now: datetime
) -> list[StoredAnswer | None]:
    """Do all units but those that are left, which are None."""
    joined = [unit for unit in units if unit.is_whole and unit.free_call is not None]
    if not joined:
        return [None] * len(units)
    ended, states = _ended(session, joined, now)
    stored: dict[str, StoredAnswer] = {}
    plain: list[tuple[ledger.Recorded, Result]] = []
    for unit in joined:
        lease, document = unit.claimed.lease, unit.claimed.document
        if lease.job_id not in ended:
            stored[lease.job_id] = NOT_OURS
        elif (result := _plain(unit, states.get(document.id))) is not None:
            plain.append(result)
            stored[lease.job_id] = WHOLE
        else:
            stored[lease.job_id] = unit.after(session, now, is_ours=True)
    if plain:
        ledger.record_all(session, [call for call, _ in plain], now)
        joint_results.complete(session, [result for _, result in plain], now)
    return [stored.get(unit.claimed.lease.job_id) for unit in units]


def _ended(
    session: DriverSession, units: Sequence[StoreAnswer], now: datetime
) -> tuple[set[str], dict[str, PageState]]:
    """End the jobs; return those that were ours, and the states of their documents."""
    leases = [unit.claimed.lease for unit in units]
    documents = page_states.asked_locked([unit.claimed.document.id for unit in units])
    finished, _, states = all_at_once(session, [joint.asked_to_finish(leases, now), *documents])
    return {job_id for (job_id,) in finished}, page_states.answered(states)


def _plain(unit: StoreAnswer, state: PageState | None) -> tuple[ledger.Recorded, Result] | None:
    """Return what is to be written of a unit that ends its document; None if there is more."""
    settled, free_call = unit.settle_call, unit.free_call
    if free_call is None or not job_outcome.ends_document(unit.claimed.lease):
        return None
    if not joint_results.is_plain(state, settled.conversion) or state.has_quota is not False:
        return None
    if unit.claimed.document.reserved_pages:
        return None  # of a quota that there was
    result = Result(settled.document_id, state, settled.conversion, settled.images)
    return settled.recorded(free_call), result
