"""A provider's batch, step by step: each claim of its job does what is next, then waits again."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

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
from ilios.storage.health import StoreReport, seen_in

log = logs.get(__name__)

AT_ONCE: Final = timedelta(0)
STEP_ATTEMPTS: Final = 10  #: of a step that fails nobody knows why
BROKEN: Final = EngineFailed(
    "The batch could not be taken any further; the log has the cause. Retry the document."
)


class NotYetVisible(ProviderError):
    """The provider may have more than it shows."""

    code = "provider_lag"
    retryable = True


class ProviderBatches:
    """Takes batches forward for one worker; its threads share it."""

    def __init__(self, tools: BatchContext) -> None:
        self._tools = tools

    def run(self, lease: Lease) -> ProviderReport | StoreReport | None:
        """Do what is next for a batch; returns what that says of provider or store.

        Raises only what is not the batch's doing: a database that refuses.
        """
        try:
            return self._run(self._open(lease))
        except LeaseLost:
            log.warning("batch.lease_lost", job_id=lease.job_id)
            return None

    def _open(self, lease: Lease) -> Step:
        with self._tools.database.reading() as session:
            batch_id = batch_id_of(session, lease)
        return Step(
            batch_id=batch_id,
            records=Records(self._tools.database, lease, batch_id),
            workspace=data_folder.workspace(self._tools.workspaces, lease.job_id, lease.token),
            until=time.monotonic() + self._tools.step_seconds,
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
            return report_of(error) or seen_in(error)
        except (DatabaseBusy, SQLAlchemyError, LeaseLost):
            raise
        except OSError as error:  # a full disk: not the batch's doing, and it may pass
            log.warning("batch.put_off", batch_id=step.batch_id, reason=str(error))
            step.records.postpone(context.OBSTACLE, "The data volume cannot be written.")
            return None
        except Exception:
            log.exception("batch.step_broke", batch_id=step.batch_id)
            step.records.retry(BROKEN.detail)
            return None
        finally:
            shutil.rmtree(step.workspace, ignore_errors=True)
        return step.news

    def _put_off(self, step: Step, error: ConversionError) -> None:
        """What is in the way passes, or is repaired; else this counts as a failed step."""
        log.warning("batch.put_off", batch_id=step.batch_id, code=error.code, reason=error.logged)
        match error:
            case FileGone():
                step.records.retry(error.detail)
            case ProviderThrottled():
                seconds = error.retry_after_seconds or context.OBSTACLE.total_seconds()
                pause = min(timedelta(seconds=seconds), LONGEST_WAIT)
                step.records.postpone(pause, error.detail)
            case NotYetVisible():
                step.records.postpone(self._tools.poll, error.detail)
            case BatchLaneClosed():
                step.records.postpone(context.CLOSED, error.detail)
            case ProviderMisconfigured():
                step.records.postpone(context.REPAIR, error.detail)
            case _ if error.retryable:
                step.records.postpone(context.OBSTACLE, error.detail)
            case _:
                step.records.retry(error.detail)

    def _advance(self, step: Step) -> None:
        """One state after the other, until there is something to wait for."""
        work: dict[ProviderBatchState, Callable[[Step, ProviderBatch], timedelta | None]] = {
            ProviderBatchState.PREPARING: self._prepare,
            ProviderBatchState.SUBMITTING: self._submit,
            ProviderBatchState.RUNNING: self._follow,
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
        is_complete = InputBuilder(self._tools, step, batch).work()
        return None if is_complete else AT_ONCE

    def _submit(self, step: Step, batch: ProviderBatch) -> timedelta | None:
        """Have the provider make one job of this round, and no second one."""
        key = Round(batch.id, batch.round)
        if batch.submitted_at is None and not step.records.open_documents():
            step.records.drop_round()
            return None
        if batch.submitted_at is not None:  # by a step that did not hear how it ended
            job = self._tools.lane.find(key, batch.submitted_at)
            if job is not None:
                step.records.is_submitted(job.id, job.status)
                return None
            if clock.now() - batch.submitted_at < context.LAG:
                raise NotYetVisible("Whether Mistral has the batch is not known yet.")
        step.records.is_about_to_submit()
        try:
            job = self._tools.lane.create(key, batch.model, batch.input_file_ids)
        except ConversionError as error:
            if not isinstance(error, OutcomeUnknown):
                step.records.was_not_submitted()
            return self._refuse(step, error)
        step.records.is_submitted(job.id, job.status)
        step.news = ProviderReport(Outcome.BATCH_OPEN)
        return self._tools.poll

    def _refuse(self, step: Step, error: ConversionError) -> timedelta | None:
        """→ preparing for a lost input, → cleaning for a refusal; raises what may pass."""
        if isinstance(error, FileGone) and step.records.attempts() > context.GONE_ATTEMPTS:
            step.records.refuse_input()
            return AT_ONCE
        if error.retryable:
            raise error
        log.warning("batch.refused", batch_id=step.batch_id, reason=error.logged)
        step.records.refuse_round(error)
        return None

    def _follow(self, step: Step, batch: ProviderBatch) -> timedelta | None:
        """Look at the provider's job; keep what it brought once it has ended."""
        since = clock.now() - (batch.submitted_at or batch.created_at)
        job = self._tools.lane.get(batch.provider_job_id or "")
        if job is None and since < context.LAG:
            raise NotYetVisible("Mistral does not show the batch yet.")
        if job is None and step.records.attempts() <= context.GONE_ATTEMPTS:
            raise FileGone("Mistral does not find the batch.")
        if job is not None:
            step.records.note_status(job.status, job.file_ids)
            overdue = since - self._tools.timeout
            if not job.has_ended and not step.records.open_documents():
                self._cancel(job)
                return self._tools.poll
            if not job.has_ended and overdue < 2 * context.OVERDUE:
                if overdue > context.OVERDUE:
                    self._cancel(job)
                return self._tools.poll
            if overdue > context.OVERDUE:
                job = replace(job, status=TIMED_OUT)  # cancelled by nobody but us
        is_complete = ResultCollector(self._tools, step, batch, job).work()
        return None if is_complete else AT_ONCE

    def _cancel(self, job: ProviderJob) -> None:
        """End a job that nobody waits for, or that the provider has forgotten to end."""
        if job.status != CANCELLING:
            log.warning("batch.cancelled_there", provider_job_id=job.id, status=job.status)
            self._tools.lane.cancel(job.id)

    def _clean(self, step: Step, batch: ProviderBatch) -> timedelta | None:
        self._tools.lane.files.delete(batch.id, batch.file_ids)
        is_ended = step.records.end_round()
        self._tools.forget_results(batch.id)
        return None if is_ended else self._tools.poll

    def _give_up(self, step: Step) -> None:
        """End a batch that no step comes through with; its files are left to their expiry."""
        batch = step.records.batch()
        log.error("batch.given_up", batch_id=batch.id, state=batch.state.value, round=batch.round)
        with contextlib.suppress(ConversionError):
            if batch.state is ProviderBatchState.RUNNING and batch.provider_job_id:
                self._tools.lane.cancel(batch.provider_job_id)
            self._tools.lane.files.delete(batch.id, batch.file_ids)
        step.records.give_up(BROKEN)
        self._tools.forget_results(batch.id)
