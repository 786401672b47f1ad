"""Batch jobs at the provider: each processes one round of one of our batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import httpx2
from mistralai.client import models
from mistralai.client.errors import MistralError

from ilios.core.conversion_errors import (
    BatchLaneClosed,
    ConversionError,
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
    RefusedByProvider,
)
from ilios.core.settings import Settings
from ilios.engines.mistral import errors
from ilios.engines.mistral.batch import lines
from ilios.engines.mistral.batch.files import CALL_SECONDS, BatchFiles, NotThere, provider_errors
from ilios.engines.mistral.batch.lines import LineAnswer
from ilios.engines.mistral.client import Client
from ilios.engines.mistral.deadlines import Deadline

ENDPOINT: Final = "/v1/ocr"
TIMED_OUT: Final = "TIMEOUT_EXCEEDED"
CANCELLING: Final = "CANCELLATION_REQUESTED"
ENDED: Final = ("SUCCESS", "FAILED", TIMED_OUT, "CANCELLED")
JOBS_PER_PAGE: Final = 100
JOB_LIST_MAX_PAGES: Final = 100
CLOCK_SKEW: Final = timedelta(hours=1)  #: how far the provider's clock may be from ours
NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
NO_SUCH_MODEL: Final = "access to the model"  #: in the reason of a 422, unlike for single calls
NO_BATCHES: Final = (
    "Mistral asks for a payment before it takes batches (402): enable batch billing for the "
    "account of MISTRAL_API_KEY, or send documents without useMistralBatch."
)


class FileGone(ProviderError):
    """The provider does not find a file: it is not visible yet, or was deleted."""

    code = "provider_file_gone"
    retryable = True


@dataclass(frozen=True, slots=True)
class Round:
    """One of our batches and the number of the attempt at it; identifies a job at the provider."""

    batch_id: str
    number: int


@dataclass(frozen=True, slots=True)
class ProviderJob:
    """A batch job, as the provider last described it."""

    id: str
    status: str
    file_ids: tuple[str, ...]  #: of output and error file
    answered: int  #: lines with an answer or an error, by the provider's count
    has_begun: bool  #: whether anything may have been processed, and billed
    complaint: str  #: the provider's own error messages

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


class Batches:
    """The provider's batch lane. Every failure is a ConversionError. Threads share it."""

    def __init__(self, client: Client, instance_id: str, settings: Settings) -> None:
        self.files = BatchFiles(client, instance_id, settings)
        self._client = client
        self._instance_id = instance_id
        self._configured_model = settings.ocr_model
        self._timeout_hours = settings.provider_batch_timeout_hours

    def create(self, key: Round, model: str, input_file_ids: list[str]) -> ProviderJob:
        """Create the job of a round: from here on it is paid for.

        Raises FileGone, BatchLaneClosed, ModelUnavailable, RefusedByProvider, and the errors of
        outages. After OutcomeUnknown, and only then, the job may exist nevertheless.
        """
        self._client.require_key()
        try:
            with Deadline(CALL_SECONDS).enforced():
                job = self._client.sdk.batch.jobs.create(
                    endpoint=ENDPOINT,
                    model=model,
                    input_files=input_file_ids,
                    metadata=self._metadata(key),
                    timeout_hours=self._timeout_hours,
                )
        except MistralError as error:
            raise self._refusal(error, model) from error
        except httpx2.HTTPError as error:
            is_sent = not isinstance(error, NEVER_SENT)
            raise errors.of_transport(error, is_sent=is_sent) from error
        return _job(job)

    def find(self, key: Round, since: datetime) -> ProviderJob | None:
        """Return the job of this round, if the provider has one that is not older than `since`.

        Raises ProviderUnavailable when its list has no end.
        """
        self._client.require_key()
        asked = self._metadata(key)
        oldest = (since - CLOCK_SKEW).timestamp()
        for page in range(JOB_LIST_MAX_PAGES):
            with provider_errors(CALL_SECONDS):
                listed = self._client.sdk.batch.jobs.list(page=page, page_size=JOBS_PER_PAGE).data
            for job in listed or ():
                if isinstance(job.metadata, dict) and asked.items() <= job.metadata.items():
                    return _job(job)
            # The newest come first.
            if not listed or min(job.created_at for job in listed) <= oldest:
                return None
        raise ProviderUnavailable("Mistral's list of batches does not end.")

    def get(self, job_id: str) -> ProviderJob | None:
        """Return a job as it is now; None when the provider does not know it."""
        self._client.require_key()
        try:
            with provider_errors(CALL_SECONDS):
                return _job(self._client.sdk.batch.jobs.get(job_id=job_id))
        except NotThere:
            return None

    def cancel(self, job_id: str) -> None:
        """Ask for a job's end; what it has processed is billed, and in its files."""
        with provider_errors(CALL_SECONDS):
            self._client.sdk.batch.jobs.cancel(job_id=job_id)

    def answers(self, path: Path, model: str) -> Iterator[LineAnswer]:
        """Iterate over the lines of a downloaded output or error file."""
        return lines.answers(path, model, self._configured_model)

    def _metadata(self, key: Round) -> dict[str, str]:
        return {
            "ilios_instance": self._instance_id,
            "ilios_batch": key.batch_id,
            "ilios_round": str(key.number),
        }

    def _refusal(self, error: MistralError, model: str) -> ConversionError:
        if error.status_code == httpx2.codes.PAYMENT_REQUIRED:
            return BatchLaneClosed(NO_BATCHES)
        fault = errors.of_ocr(error, model, self._configured_model, is_file=True)
        match fault:
            case errors.SourceNotAccepted():
                return FileGone("Mistral does not find the batch's input.")
            case ProviderUnavailable() | OutcomeUnknown():
                return OutcomeUnknown(f"Mistral answered {error.status_code} to a batch.")
            case RefusedByProvider():
                refusal = errors.Refusal.of(error)
                reason = refusal.reason
                if NO_SUCH_MODEL in reason:
                    return errors.wrong_model(model, self._configured_model)
                return RefusedByProvider(
                    f"Mistral refuses the batch. {reason}", logged=refusal.logged
                )
        return fault


def _job(job: models.BatchJob) -> ProviderJob:
    files = (job.output_file, job.error_file)
    return ProviderJob(
        id=job.id,
        status=str(job.status),
        file_ids=tuple(file for file in files if isinstance(file, str) and file),
        answered=job.succeeded_requests + job.failed_requests,
        has_begun=bool(job.started_at) or job.completed_requests > 0,
        complaint=errors.plain("; ".join(error.message for error in job.errors)),
    )
