"""Batch jobs at the provider, and the files that they need. Whatever goes wrong is a
ConversionError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import httpx2
from mistralai.client import models
from mistralai.client.errors import MistralError

from ilios import ids, logs
from ilios.conversion_errors import (
    BatchLaneClosed,
    ConversionError,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
    RefusedByProvider,
)
from ilios.engines.mistral import batch_lines, faults
from ilios.engines.mistral.batch_lines import LineAnswer
from ilios.engines.mistral.client import FILES_A_PAGE, Client
from ilios.engines.mistral.deadlines import Deadline
from ilios.settings import Settings

log = logs.get(__name__)

ENDPOINT: Final = "/v1/ocr"
TIMED_OUT: Final = "TIMEOUT_EXCEEDED"
CANCELLING: Final = "CANCELLATION_REQUESTED"
ENDED: Final = ("SUCCESS", "FAILED", TIMED_OUT, "CANCELLED")
JOBS_A_PAGE: Final = 100
CLOCK_SKEW: Final = timedelta(hours=1)  #: how far the provider's clock may be from ours
CALL_SECONDS: Final = 60.0
KEPT_LONGER_HOURS: Final = 48
"""Files of a batch outlive its time-out by so much, unless they are deleted before."""
NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
PURPOSES: Final[tuple[Purpose, ...]] = ("batch", "ocr")
NO_SUCH_MODEL: Final = "access to the model"  #: a 422, other than for a single call
NO_BATCHES: Final = (
    "Mistral asks for a payment before it takes batches (402): enable batch billing for the "
    "account of MISTRAL_API_KEY, or send documents without useMistralBatch."
)

Purpose = Literal["batch", "ocr"]
"""Of a file: the input of a batch, or a document that a line of it names."""


class NotThere(ProviderMisconfigured):
    """404: not there, not yet, or not any more; where none of this can be, the address is wrong."""


class FileGone(ProviderError):
    """The provider does not find a file: it is not visible yet, or not there any more."""

    code = "provider_file_gone"
    retryable = True


@dataclass(frozen=True, slots=True)
class Round:
    """Which of our batches, and which attempt at it: what its job at the provider is known by."""

    batch_id: str
    number: int


@dataclass(frozen=True, slots=True)
class ProviderJob:
    """A batch job as the provider last told of it."""

    id: str
    status: str
    file_ids: tuple[str, ...]  #: of output and error file
    answered: int  #: lines that it has an answer or a fault for, as it says
    has_begun: bool  #: whether it may have done, and billed, anything
    complaint: str  #: what the provider says went wrong

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


class Batches:
    """The provider's batch lane. Threads share it."""

    def __init__(self, client: Client, instance_id: str, settings: Settings) -> None:
        self._client = client
        # Not the prefix of single calls' files: those are swept long before a batch ends.
        self._prefix = f"ilios-batch-{instance_id}-"
        self._instance_id = instance_id
        self._configured_model = settings.ocr_model
        self._timeout_hours = settings.provider_batch_timeout_hours
        self._transfer_seconds = settings.job_deadline_seconds / 2

    def upload(self, batch_id: str, path: Path, purpose: Purpose, suffix: str) -> str:
        """Send a file from the disk, under a name that ends in `suffix`; returns its id."""
        self._client.require_key()
        with self._errors(self._transfer_seconds), path.open("rb") as content:
            name = f"{self._prefix}{batch_id}-{ids.new_id()}{suffix}"
            answer = self._client.sdk.files.upload(
                file=models.File(file_name=name, content=content),
                purpose=purpose,
                expiry=self._timeout_hours + KEPT_LONGER_HOURS,
            )
        return answer.id

    def create(self, key: Round, model: str, input_file_ids: list[str]) -> ProviderJob:
        """Have a batch done: from here on it is paid for.

        Raises FileGone, BatchLaneClosed, ModelUnavailable, RefusedByProvider and whatever passes.
        After OutcomeUnknown, and only then, the job may exist all the same.
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
            raise faults.of_transport(error, is_sent=is_sent) from error
        return _job(job)

    def find(self, key: Round, since: datetime) -> ProviderJob | None:
        """The job of this round, if the provider has one that is not older than `since`."""
        self._client.require_key()
        oldest = (since - CLOCK_SKEW).timestamp()
        page, more = 0, True
        while more:
            with self._errors(CALL_SECONDS):
                listed = self._client.sdk.batch.jobs.list(page=page, page_size=JOBS_A_PAGE).data
            for job in listed or ():
                if job.metadata == self._metadata(key):
                    return _job(job)
            # The newest come first.
            more = bool(listed) and min(job.created_at for job in listed or ()) > oldest
            page += 1
        return None

    def get(self, job_id: str) -> ProviderJob | None:
        """A job as it is now; None when the provider does not know it."""
        self._client.require_key()
        try:
            with self._errors(CALL_SECONDS):
                return _job(self._client.sdk.batch.jobs.get(job_id=job_id))
        except NotThere:
            return None

    def cancel(self, job_id: str) -> None:
        """Ask for a job's end; what it has done is billed, and in its files."""
        with self._errors(CALL_SECONDS):
            self._client.sdk.batch.jobs.cancel(job_id=job_id)

    def download(self, file_id: str, path: Path) -> bool:
        """Write a file of the provider's to the disk; False when it is not there."""
        try:
            with (
                self._errors(self._transfer_seconds),
                closing(self._client.sdk.files.download(file_id=file_id)) as response,
                path.open("wb") as file,
            ):
                for block in response.iter_bytes():
                    file.write(block)
        except NotThere:
            return False
        return True

    def answers(self, path: Path, model: str) -> Iterator[LineAnswer]:
        """The lines of a downloaded output or error file."""
        return batch_lines.answers(path, model, self._configured_model)

    def delete_files(self, batch_id: str, file_ids: list[str]) -> None:
        """Delete these files, and all others that were uploaded for this batch."""
        self._client.require_key()
        for file_id in {*file_ids, *self._uploaded(batch_id)}:
            try:
                with self._errors(CALL_SECONDS):
                    self._client.sdk.files.delete(file_id=file_id)
            except NotThere:
                continue
            except RefusedByProvider as error:
                log.warning("batch.file_not_deleted", file_id=file_id, reason=error.detail)

    def _uploaded(self, batch_id: str) -> list[str]:
        """Those whose id never came to be written down are found by their names."""
        found: list[str] = []
        for purpose in PURPOSES:
            page, more = 0, True
            while more:
                with self._errors(CALL_SECONDS):
                    listed = self._client.sdk.files.list(
                        page=page, page_size=FILES_A_PAGE, purpose=purpose
                    ).data
                prefix = f"{self._prefix}{batch_id}-"
                found += [file.id for file in listed if file.filename.startswith(prefix)]
                page, more = page + 1, len(listed) == FILES_A_PAGE
        return found

    def _metadata(self, key: Round) -> dict[str, str]:
        return {
            "ilios_instance": self._instance_id,
            "ilios_batch": key.batch_id,
            "ilios_round": str(key.number),
        }

    def _refusal(self, error: MistralError, model: str) -> ConversionError:
        if error.status_code == httpx2.codes.PAYMENT_REQUIRED:
            return BatchLaneClosed(NO_BATCHES)
        fault = faults.of_ocr(error, model, self._configured_model, is_file=True)
        match fault:
            case faults.SourceNotAccepted():
                return FileGone("Mistral does not find the batch's input.")
            case ProviderUnavailable() | OutcomeUnknown():
                return OutcomeUnknown(f"Mistral answered {error.status_code} to a batch.")
            case RefusedByProvider():
                reason = faults.Refusal.of(error).reason
                if NO_SUCH_MODEL in reason:
                    return faults.wrong_model(model, self._configured_model)
                return RefusedByProvider(f"Mistral refuses the batch. {reason}")
        return fault

    @contextmanager
    def _errors(self, seconds: float) -> Iterator[None]:
        """Within, calls end in time, and what goes wrong is a ConversionError."""
        try:
            with Deadline(seconds).enforced():
                yield
        except MistralError as error:
            fault = faults.of_file_call(error)
            if error.status_code == httpx2.codes.NOT_FOUND:
                raise NotThere(fault.detail) from error
            raise fault from error
        except httpx2.HTTPError as error:
            raise faults.of_transport(error, is_sent=False) from error


def _job(job: models.BatchJob) -> ProviderJob:
    files = (job.output_file, job.error_file)
    return ProviderJob(
        id=job.id,
        status=str(job.status),
        file_ids=tuple(file for file in files if isinstance(file, str) and file),
        answered=job.succeeded_requests + job.failed_requests,
        has_begun=bool(job.started_at) or job.completed_requests > 0,
        complaint=faults.plain("; ".join(error.message for error in job.errors)),
    )
