"""The end of a round: open documents go into another round, or fail with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from ilios.accounts import ledger
from ilios.core import clock
from ilios.core.conversion_errors import (
    ConversionError,
    OutcomeUnknown,
    PagesMissing,
    ProviderBatchCancelled,
    ProviderBatchFailed,
    ProviderBatchTimedOut,
)
from ilios.db.models import Call, CallState, ProviderBatch, ProviderBatchState
from ilios.documents import partial_results, repository
from ilios.documents.partial_results import Outcome
from ilios.engines.mistral.batch.jobs import ProviderJob

MAX_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Results:
    """What a round has brought, beside the pages that are stored."""

    job: ProviderJob | None  #: None when the provider has lost it
    has_answers: bool
    faults: Mapping[str, ConversionError]  #: by document: why a line of it failed


def end(
    session: Session, batch: ProviderBatch, outcome: Results, ambiguous_retries: int
) -> dict[str, ConversionError | None]:
    """Move running → cleaning and close every call.

    Return the documents that have ended by id, with the reason of those that have failed.
    """
    now = clock.now()
    ended: dict[str, ConversionError | None] = {}
    if not _may_be_billed(outcome):
        ledger.refuse_all(session, batch.id, now)
    ledger.abandon(session, [batch.id], now)
    calls = ledger.calls_of(session, batch.id)
    doubts = Counter(call.document_id for call in calls if call.state is CallState.UNKNOWN)
    ending = _ending(outcome.job)
    for document in repository.open_in_batch_lane(session, batch.id):
        is_last = (
            isinstance(ending, ProviderBatchCancelled)  # a cancelled batch is not repeated
            or batch.round >= MAX_ROUNDS
            or doubts[document.id] > ambiguous_retries
        )
        if is_last:
            reason = outcome.faults.get(document.id) or _omission(document.id, calls) or ending
            became = partial_results.fail(session, document.id, _last(reason, batch.round), now)
            ended[document.id] = reason if became is Outcome.FAILED else None
    batch.state = ProviderBatchState.CLEANING
    return ended


def _may_be_billed(outcome: Results) -> bool:
    """Return whether lines without an answer may be billed: not if the job never began."""
    return outcome.has_answers or outcome.job is None or outcome.job.has_begun


def _omission(document_id: str, calls: list[Call]) -> ConversionError | None:
    """Return the error of a document all of whose lines were answered; None for another."""
    states = {call.state for call in calls if call.document_id == document_id}
    if states != {CallState.SETTLED}:
        return None
    return PagesMissing("The provider left out some of the pages.")


def _ending(job: ProviderJob | None) -> ConversionError:
    """Return why a document got no answer, from how the job ended."""
    if job is None:
        return ProviderBatchFailed("The provider does not know the batch any more.")
    match job.status:
        case "SUCCESS":
            return OutcomeUnknown("The provider ended the batch without a word on this document.")
        case "CANCELLED":
            return ProviderBatchCancelled(
                "The batch was cancelled at the provider before this document was converted."
            )
        case "FAILED":
            return ProviderBatchFailed(f"The provider gave the batch up. {job.complaint}".strip())
        case _:
            return ProviderBatchTimedOut(
                "The provider did not get to this document within the time that a batch has "
                "(PROVIDER_BATCH_TIMEOUT_HOURS)."
            )


def _last(reason: ConversionError, round_number: int) -> ConversionError:
    """Return the reason, with the number of rounds and the remedy."""
    tried = f" It was tried in {round_number} batches." if round_number > 1 else ""
    return type(reason)(f"{reason.detail}{tried} Retry it by hand.")
