"""The batch runner: each claim of a batch's job is one step, then the job waits again."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ilios.conversion import failures
from ilios.conversion.provider_batches import context
from ilios.conversion.provider_batches.context import BatchContext, Step
from ilios.conversion.provider_batches.input import InputBuilder
from ilios.conversion.provider_batches.records import Records, batch_id_of
from ilios.conversion.provider_batches.results import ResultCollector
from ilios.core import clock, data_folder
from ilios.core.conversion_errors import (
    BatchLaneClosed,
    ConversionError,
    EngineFailed,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    ProviderThrottled,
)
from ilios.core.errors import DatabaseBusy, LeaseLost
from ilios.core.telemetry import logs
from ilios.db.models import ProviderBatch, ProviderBatchState
from ilios.engines.governor import Outcome, ProviderReport, report_of
from ilios.engines.mistral.batch.jobs import CANCELLING, TIMED_OUT, FileGone, ProviderJob, Round
from ilios.queue.backoff import LONGEST_WAIT
from ilios.queue.jobs import Lease
from ilios.storage.health import StoreReport, store_report_of

log = logs.get(__name__)

AT_ONCE: Final = timedelta(0)
STEP_ATTEMPTS: Final = 10  #: of a step that fails for an unknown reason
BROKEN: Final = EngineFailed(
    "The batch could not be taken any further; the log has the cause. Retry the document."
)


class NotYetVisible(ProviderError):
    """The provider does not show yet what it may have."""

    code = "provider_lag"
    retryable = True


class ProviderBatches:
    """Advances batches for the threads of a worker, which share it."""

    def __init__(self, context: BatchContext) -> None:
        self._context = context

    def run(self, lease: Lease) -> ProviderReport | StoreReport | None:
        """Do the next step of a batch; return what that shows of provider or store.

        Raises only what the batch did not cause: a database that refuses.
        """
        try:
            return self._run(self._open(lease))
        except LeaseLost:
            log.warning("batch.lease_lost", job_id=lease.job_id)
            return None

    def _open(self, lease: Lease) -> Step:
        with self._context.database.reading() as session:
            batch_id = batch_id_of(session, lease)
        return Step(
            batch_id=batch_id,
            records=Records(self._context.database, lease, batch_id),
            workspace=data_folder.workspace(self._context.workspaces, lease.job_id, lease.token),
            until=time.monotonic() + self._context.step_seconds,
        )

    def _run(self, step: Step) -> ProviderReport | StoreReport | None:
        step.workspace.mkdir()
        try:
            if step.records.attempts() > STEP_ATTEMPTS:
                self._give_up(step)
            else:
                self._advance(step)
        except ConversionError as error:
            self._put_off(step, error)
            return report_of(error) or store_report_of(error)
        except (DatabaseBusy, SQLAlchemyError, LeaseLost):
            raise
        except OSError as error:  # a full disk: the batch did not cause it, and it may pass
            log.warning("batch.put_off", batch_id=step.batch_id, reason=str(error))
            step.records.postpone(context.OBSTACLE, "The data volume cannot be written.")
            return None
        except Exception:
            log.exception("batch.step_broke", batch_id=step.batch_id)
            step.records.retry(BROKEN.detail)
            return None
        finally:
            shutil.rmtree(step.workspace, ignore_errors=True)
        return step.report

    def _put_off(self, step: Step, error: ConversionError) -> None:
        """Wait as long as the error asks for; an error of the step itself counts as an attempt."""
        log.warning("batch.put_off", batch_id=step.batch_id, code=error.code, reason=error.logged)
        match error:
            case FileGone():
                step.records.retry(error.detail)
            case ProviderThrottled():
                seconds = error.retry_after_seconds or context.OBSTACLE.total_seconds()
                pause = min(timedelta(seconds=seconds), LONGEST_WAIT)
                step.records.postpone(pause, error.detail)
            case NotYetVisible():
                step.records.postpone(self._context.poll, error.detail)
            case BatchLaneClosed():
                step.records.postpone(context.CLOSED, error.detail)
            case ProviderMisconfigured():
                step.records.postpone(failures.REPAIR_WAIT, error.detail)
            case _ if error.retryable:
                step.records.postpone(context.OBSTACLE, error.detail)
            case _:
                step.records.retry(error.detail)

    def _advance(self, step: Step) -> None:
        """Go from state to state, until there is something to wait for."""
        work: dict[ProviderBatchState, Callable[[Step, ProviderBatch], timedelta | None]] = {
            ProviderBatchState.PREPARING: self._prepare,
            ProviderBatchState.SUBMITTING: self._submit,
            ProviderBatchState.RUNNING: self._poll,
            ProviderBatchState.CLEANING: self._clean,
        }
        batch = step.records.batch()
        while batch.state in work:
            pause = work[batch.state](step, batch)
            if pause is not None:
                step.records.wait(pause)
                return
            batch = step.records.batch()
            log.info(
                "batch.advanced", batch_id=batch.id, round=batch.round, state=batch.state.value
            )

    def _prepare(self, step: Step, batch: ProviderBatch) -> timedelta | None:
        is_complete = InputBuilder(self._context, step, batch).build()
        return None if is_complete else AT_ONCE

    def _submit(self, step: Step, batch: ProviderBatch) -> timedelta | None:
        """Have the provider create one job for this round, and never a second one."""
        key = Round(batch.id, batch.round)
        if batch.submitted_at is None and not step.records.open_documents():
            step.records.drop_round()
            return None
        if batch.submitted_at is not None:  # by a step that did not get the response
            job = self._context.lane.find(key, batch.submitted_at)
            if job is not None:
                step.records.note_submitted(job.id, job.status)
                return None
            if clock.now() - batch.submitted_at < context.LAG:
                raise NotYetVisible("Whether Mistral has the batch is not known yet.")
        step.records.note_submitting()
        try:
            job = self._context.lane.create(key, batch.model, batch.input_file_ids)
        except ConversionError as error:
            if not isinstance(error, OutcomeUnknown):
                step.records.note_not_submitted()
            return self._refuse(step, error)
        step.records.note_submitted(job.id, job.status)
        step.report = ProviderReport(Outcome.BATCH_OPEN)
        return self._context.poll

    def _refuse(self, step: Step, error: ConversionError) -> timedelta | None:
        """Move → preparing for a lost input, → cleaning for a refusal; raise what may pass."""
        if isinstance(error, FileGone) and step.records.attempts() > context.GONE_ATTEMPTS:
            step.records.refuse_input()
            return AT_ONCE
        if error.retryable:
            raise error
        log.warning("batch.refused", batch_id=step.batch_id, reason=error.logged)
        step.records.refuse_round(error)
        return None

    def _poll(self, step: Step, batch: ProviderBatch) -> timedelta | None:
        """Poll the provider's job; collect its results once it has ended."""
        since = clock.now() - (batch.submitted_at or batch.created_at)
        job = self._context.lane.get(batch.provider_job_id or "")
        if job is None and since < context.LAG:
            raise NotYetVisible("Mistral does not show the batch yet.")
        if job is None and step.records.attempts() <= context.GONE_ATTEMPTS:
            raise FileGone("Mistral does not find the batch.")
        if job is not None:
            step.records.note_status(job.status, job.file_ids)
            overdue = since - self._context.timeout
            if not job.has_ended and not step.records.open_documents():
                self._cancel(job)
                return self._context.poll
            if not job.has_ended and overdue < 2 * context.OVERDUE:
                if overdue > context.OVERDUE:
                    self._cancel(job)
                return self._context.poll
            if overdue > context.OVERDUE:
                job = replace(job, status=TIMED_OUT)  # we have cancelled it
        is_complete = ResultCollector(self._context, step, batch, job).collect()
        return None if is_complete else AT_ONCE

    def _cancel(self, job: ProviderJob) -> None:
        """Cancel a job that no document waits for, or that is overdue."""
        if job.status != CANCELLING:
            log.warning("batch.cancelled_there", provider_job_id=job.id, status=job.status)
            self._context.lane.cancel(job.id)

    def _clean(self, step: Step, batch: ProviderBatch) -> timedelta | None:
        self._context.lane.files.delete(batch.id, batch.file_ids)
        is_ended = step.records.end_round()
        self._context.forget_results(batch.id)
        return None if is_ended else self._context.poll

    def _give_up(self, step: Step) -> None:
        """End a batch whose steps fail again and again; files left at the provider expire."""
        batch = step.records.batch()
        log.error("batch.given_up", batch_id=batch.id, state=batch.state.value, round=batch.round)
        with contextlib.suppress(ConversionError):
            if batch.state is ProviderBatchState.RUNNING and batch.provider_job_id:
                self._context.lane.cancel(batch.provider_job_id)
            self._context.lane.files.delete(batch.id, batch.file_ids)
        step.records.give_up(BROKEN)
        self._context.forget_results(batch.id)
