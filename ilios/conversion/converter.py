"""The converter: does a claimed job, from its source to its recorded outcome.

It fetches and plans, calls the engine, spools a paid answer, keeps the images and has the recorder
write the outcome down. An attempt that fails ends in the recorder too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from ilios.conversion.answer_keeping import keep_answer
from ilios.conversion.answers import poison_answer, read_answer, stored_bytes
from ilios.conversion.attempt import Attempt
from ilios.conversion.call_places import CallPlaces
from ilios.conversion.claimed_job import ClaimedJob, bind_document
from ilios.conversion.held_jobs import HeldJobs
from ilios.conversion.images import keep_images
from ilios.conversion.isolation import Isolation
from ilios.conversion.planning import SOURCE, Planner
from ilios.conversion.recorder import Recorder
from ilios.conversion.sources import Sources
from ilios.core import data_folder, failpoints
from ilios.core.conversion_errors import (
    ConversionError,
    EngineFailed,
    OutcomeUnknown,
    PagesMissing,
    StorageUnavailable,
)
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import DatabaseBusy, LeaseLost
from ilios.core.telemetry import logs, metrics
from ilios.db import instance
from ilios.db.database import Database, Scope
from ilios.db.models import Document
from ilios.documents import extractions, results
from ilios.documents.options import options_of_part
from ilios.documents.stored_pages import Images
from ilios.engines.base import Conversion, Engine, Keep, Options, Part
from ilios.engines.governor import ANSWERED, ProviderReport, report_of
from ilios.queue import jobs
from ilios.queue.jobs import Lease
from ilios.storage.answer_spool import AnswerSpool, CallRecord, SpooledAnswer
from ilios.storage.base import ObjectStore
from ilios.storage.health import StoreReport, store_report_of

log = logs.get(__name__)

PROGRESS_INTERVAL_SECONDS = 1.0
UNCOLLECTED_SECONDS = 60.0  #: no running attempt is about to use an answer this old
NOT_CAUSED_BY_JOB = (DatabaseBusy, SQLAlchemyError, OSError)


class Converter:
    """Does jobs for the threads of a worker, which share it."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        engines: Mapping[str, Engine],
        recorder: Recorder,
        *,
        disk_reserve: DiskReserve,
        workspaces: Path,
        answers: AnswerSpool,
        deadline_seconds: float,
        sources: Sources,
    ) -> None:
        self._database = database
        self._store = store
        self._engines = engines
        self._recorder = recorder
        self._disk_reserve = disk_reserve
        self._workspaces = workspaces
        self._answers = answers
        self.calls = CallPlaces(engines)
        self._held = HeldJobs(database)
        self._running: dict[str, Attempt] = {}  #: by job
        with database.reading() as session:
            self._instance_id = instance.instance_id(session)
        self._planner = Planner(
            database, store, recorder, self._instance_id, engines, deadline_seconds, sources
        )
        self._isolation = Isolation(database, self._planner, recorder, disk_reserve)

    def stop(self, job_id: str) -> None:
        """End a cancelled job soon, from another thread than its own.

        A call to the provider is waited for: it is paid.
        """
        attempt = self._running.get(job_id)
        if attempt is not None:
            log.info("job.stopped", job_id=job_id)
            attempt.claimed.engine.stop(attempt.workspace)

    def run(self, lease: Lease) -> ProviderReport | StoreReport | None:
        """Do one job to its end, whatever that is; return what it shows of provider or store.

        Raises only what the job did not cause: a database that refuses, a disk that is full.
        """
        try:
            return self._run(self._open(lease))
        except LeaseLost:
            log.warning("job.lease_lost", job_id=lease.job_id)
            return None

    def collect_leftovers(self) -> None:
        """Record the paid answers that earlier attempts left in the spool."""
        for engine in [engine for engine in self._engines.values() if engine.is_paid]:
            for spooled in self._answers.older_than(UNCOLLECTED_SECONDS):
                with self._database.reading() as session:
                    document = session.get(Document, spooled.call.document_id)
                try:
                    self._collect(spooled, engine, document)
                except StorageUnavailable:
                    raise  # as for all others
                except ConversionError as error:
                    self._give_up_answer(spooled, error)
                except NOT_CAUSED_BY_JOB:
                    raise
                except Exception:
                    # It must not keep the others from being recorded.
                    log.exception("answer.not_collected", call_id=spooled.call.call_id)

    def _collect(self, spooled: SpooledAnswer, engine: Engine, document: Document | None) -> None:
        """Record an answer that an earlier attempt left in the spool.

        Raises PoisonDocument for one that has ended its process too often.
        """
        call = spooled.call
        if spooled.deaths >= jobs.MAX_CRASHES:
            poison = poison_answer(spooled.deaths)
            self._give_up_answer(spooled, poison)
            raise poison
        workspace = self._workspaces / f"answer-{call.call_id}"
        workspace.mkdir(exist_ok=True)
        try:
            conversion = read_answer(
                engine, call, spooled.body(), self._options(document), workspace, spooled.reading
            )
            with self._disk_reserve.promised(stored_bytes(conversion)):
                images = self._keep_images(call, conversion)
                self._recorder.recover(engine, call, conversion, images)
        except FileNotFoundError:
            return  # another thread or process has recorded it
        except OutcomeUnknown as error:
            # What is temporary, such as an unreachable store, is raised.
            self._give_up_answer(spooled, error)
        else:
            self._answers.forget(call)
        finally:
            shutil.rmtree(workspace, ignore_errors=True)

    def _give_up_answer(self, spooled: SpooledAnswer, error: ConversionError) -> None:
        log.warning("answer.useless", call_id=spooled.call.call_id, reason=error.logged)
        self._answers.forget(spooled.call)

    def _open(self, lease: Lease) -> ClaimedJob:
        job, document = self._held.of(lease)
        document_id, lane, started_at = document.id, job.lane, job.started_at
        bind_document(document_id)
        log.info("job.started", job_id=lease.job_id, document_id=document_id)
        if job.attempts == 1 and job.error is None and started_at is not None:
            waited = started_at - job.created_at
            metrics.PICKUP_SECONDS.labels(lane).observe(waited.total_seconds())
        return ClaimedJob(lease, job, document, self._engines[lane])

    def _run(self, claimed: ClaimedJob) -> ProviderReport | StoreReport | None:
        lease = claimed.lease
        folder = data_folder.workspace(self._workspaces, lease.job_id, lease.token)
        attempt = Attempt(claimed, folder)
        attempt.workspace.mkdir()
        self._running[lease.job_id] = attempt
        try:
            return self._attempt(attempt)
        except ConversionError as error:
            if isinstance(error, OutcomeUnknown) and attempt.call:
                self._answers.forget(attempt.call)  # it cannot be read
            call, is_answered = attempt.call, attempt.is_answered
            self._isolation.end(claimed, call, error, folder, is_answered=is_answered)
            return report_of(error) or store_report_of(error)
        except LeaseLost:
            raise
        except NOT_CAUSED_BY_JOB:
            if attempt.call:
                self._answers.make_durable(attempt.call)
            raise
        except Exception:
            log.exception("job.broke", document_id=claimed.document.id, job_id=claimed.job.id)
            broken = EngineFailed("The engine broke on this document; the log has the cause.")
            self._recorder.give_up(claimed, attempt.call, broken, is_answered=attempt.is_answered)
            return None
        finally:
            if self._running.get(lease.job_id) is attempt:  # not one that came after it
                del self._running[lease.job_id]
            _remove(attempt.workspace)

    def _attempt(self, attempt: Attempt) -> ProviderReport | None:
        claimed = attempt.claimed
        if claimed.engine.is_paid:
            for spooled in self._answers.of_job(claimed.lease.job_id):
                self._collect(spooled, claimed.engine, claimed.document)
                attempt.has_collected = True
        with self._disk_reserve.promised(_source_bytes(claimed)):
            part = self._planner.next_part(
                claimed, attempt.workspace, has_collected=attempt.has_collected
            )
        if part is None:
            return None
        call, conversion = self._convert(attempt, part)
        # Room is looked at before pages are committed, unless only memory has what was paid for.
        needed_bytes = (
            0 if attempt.is_answered and not attempt.is_kept else stored_bytes(conversion)
        )
        with (
            self._disk_reserve.promised(needed_bytes) if needed_bytes else contextlib.nullcontext()
        ):
            self._record(claimed, call, conversion)
        self._planner.delete_part(claimed)
        seconds = attempt.seconds()
        log.info(
            "job.completed",
            job_id=claimed.lease.job_id,
            document_id=call.document_id,
            pages=conversion.usage.pages,
            duration_ms=round(seconds * 1000, 1),
        )
        metrics.CONVERSION_SECONDS.labels(claimed.engine.name).observe(seconds)
        return ANSWERED if claimed.engine.is_paid else None

    def _convert(self, attempt: Attempt, part: Part) -> tuple[CallRecord, Conversion]:
        """Convert a part, once the lane has a place for a call of its owner.

        An answer is parsed when the place is free again: one full of images takes longer than many
        a call.
        """
        claimed = attempt.claimed
        options = options_of_part(self._options(claimed.document), claimed.document, part)
        # The intent too: a call that still waits for its place is not in doubt after a crash.
        with self.calls.held(claimed.job.lane, claimed.job.owner):
            self._disk_reserve.require()  # never pay for an answer that could not be spooled
            call = self._recorder.begin(claimed, options, part.indexes)
            if claimed.engine.is_paid:
                attempt.call = call
            failpoints.reach(failpoints.CALL_OPENED)
            with metrics.provider_call() if claimed.engine.is_paid else contextlib.nullcontext():
                brought = claimed.engine.convert(
                    part,
                    options,
                    attempt.workspace,
                    self._progress_of(claimed),
                    self._keeper(attempt, call),
                )
        if isinstance(brought, Conversion):
            return call, brought
        read = claimed.engine.read(brought, part, options, attempt.workspace, attempt.mark)
        return call, read

    def _record(self, claimed: ClaimedJob, call: CallRecord, conversion: Conversion) -> None:
        images = self._keep_images(call, conversion)
        failpoints.reach(failpoints.IMAGES_STORED)
        try:
            self._recorder.store(claimed, call, conversion, images)
        except (LeaseLost, PagesMissing):
            self._forget_answer(claimed, call)  # the pages that came are stored nevertheless
            raise
        failpoints.reach(failpoints.RESULT_COMMITTED)
        self._forget_answer(claimed, call)

    def _forget_answer(self, claimed: ClaimedJob, call: CallRecord) -> None:
        if claimed.engine.is_paid:  # no other's is spooled
            self._answers.forget(call)

    def _keeper(self, attempt: Attempt, call: CallRecord) -> Keep:
        def keep(answer: bytes) -> None:
            attempt.is_answered = True
            failpoints.reach(failpoints.ANSWER_RECEIVED)
            kept = keep_answer(self._answers, self._disk_reserve.spare, call, answer)
            attempt.is_kept = kept is not None
            if kept is not None:
                attempt.mark = kept.reading
            failpoints.reach(failpoints.ANSWER_SAVED)

        return keep

    def _options(self, document: Document | None) -> Options:
        with self._database.watching() as watch:
            return extractions.asked_now(watch, document)

    def _keep_images(self, call: CallRecord, conversion: Conversion) -> Images:
        return keep_images(
            self._database, self._store, self._instance_id, call.document_id, conversion
        )

    def _progress_of(self, claimed: ClaimedJob) -> Callable[[int, int], None]:
        """Return what records progress, at most once a second."""
        document_id, next_at = claimed.document.id, time.monotonic() + PROGRESS_INTERVAL_SECONDS

        def note(done: int, total: int) -> None:
            nonlocal next_at
            if not claimed.engine.is_paid:  # its images are written page by page
                self._disk_reserve.require()
            if time.monotonic() < next_at:
                return
            next_at = time.monotonic() + PROGRESS_INTERVAL_SECONDS
            try:
                with self._database.writing(Scope.ROWS) as session:
                    results.note_progress(session, document_id, done, total)
            except NOT_CAUSED_BY_JOB as error:
                # Progress is only shown: a conversion does not fail for it.
                log.warning("job.progress_not_noted", document_id=document_id, reason=str(error))

        return note


def _remove(workspace: Path) -> None:
    """Remove a folder, in which there is mostly the source alone."""
    try:
        os.unlink(f"{workspace}/{SOURCE}")  # noqa: PTH108  # for each job: no Path
        workspace.rmdir()
    except OSError:
        shutil.rmtree(workspace, ignore_errors=True)


def _source_bytes(claimed: ClaimedJob) -> int:
    """Return what planning writes: the source, and the same in parts for a paid call."""
    return claimed.document.file_size * (2 if claimed.engine.is_paid else 1)
