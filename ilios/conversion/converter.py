"""Doing a job: fetch, plan, convert, and have the outcome written down."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from ilios.conversion.answers import read_answer
from ilios.conversion.claimed_job import ClaimedJob
from ilios.conversion.images import keep_images
from ilios.conversion.planning import Planner
from ilios.conversion.recorder import Recorder
from ilios.core import data_folder, failpoints
from ilios.core.conversion_errors import ConversionError, EngineFailed, OutcomeUnknown, PagesMissing
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import DatabaseBusy, LeaseLost
from ilios.core.telemetry import logs, metrics
from ilios.db import instance
from ilios.db.database import Database
from ilios.db.models import Document
from ilios.documents import results
from ilios.documents.options import options_of
from ilios.documents.results import Images
from ilios.engines.base import Conversion, Engine, Keep, Part
from ilios.engines.governor import ANSWERED, ProviderReport, report_of
from ilios.queue import jobs
from ilios.queue.jobs import Lease
from ilios.storage.answer_spool import AnswerSpool, CallRecord, SpooledAnswer
from ilios.storage.base import ObjectStore
from ilios.storage.health import StoreReport, seen_in

log = logs.get(__name__)

PROGRESS_INTERVAL_SECONDS = 1.0
LEFT_BEHIND_SECONDS = 60.0  #: an answer this old is in nobody's hands
NOT_THE_JOBS_DOING = (DatabaseBusy, SQLAlchemyError, OSError)


class Converter:
    """Does jobs for one worker; its threads share it."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        engines: Mapping[str, Engine],
        recorder: Recorder,
        *,
        room: DiskReserve,
        workspaces: Path,
        answers: AnswerSpool,
    ) -> None:
        self._database = database
        self._store = store
        self._engines = engines
        self._recorder = recorder
        self._room = room
        self._workspaces = workspaces
        self._answers = answers
        self._calls = {
            lane: threading.BoundedSemaphore(engine.concurrency) for lane, engine in engines.items()
        }
        self._running: dict[str, _Attempt] = {}  #: by job
        with database.reading() as session:
            self._instance_id = instance.instance_id(session)
        self._parting = Planner(database, store, recorder, self._instance_id)

    def stop(self, job_id: str) -> None:
        """Let a job that was cancelled end soon. A call to the provider is waited for: it is paid.

        Called by another thread than the job's own.
        """
        attempt = self._running.get(job_id)
        if attempt is not None:
            log.info("job.stopped", job_id=job_id)
            attempt.work.engine.stop(attempt.workspace)

    def run(self, lease: Lease) -> ProviderReport | StoreReport | None:
        """Do one job to its end, whatever that is; returns what it says of provider or store.

        Raises only what is not the job's doing: a database that refuses, a disk that is full.
        """
        try:
            return self._run(self._open(lease))
        except LeaseLost:
            log.warning("job.lease_lost", job_id=lease.job_id)
            return None

    def collect_leftovers(self) -> None:
        """Give the database the paid answers that no attempt came back for."""
        paid = [engine for engine in self._engines.values() if engine.is_paid]
        for engine in paid:
            for kept in self._answers.older_than(LEFT_BEHIND_SECONDS):
                with self._database.reading() as session:
                    document = session.get(Document, kept.question.document_id)
                self._collect(kept, engine, document)

    def _collect(self, kept: SpooledAnswer, engine: Engine, document: Document | None) -> None:
        """Give the database an answer that an earlier attempt left behind."""
        question = kept.question
        workspace = self._workspaces / f"answer-{question.call_id}"
        workspace.mkdir(exist_ok=True)
        try:
            conversion = read_answer(engine, question, kept.body(), document, workspace)
            images = self._keep_images(question, conversion)
            self._recorder.recover(engine, question, conversion, images)
        except FileNotFoundError:
            return  # somebody else was faster
        except OutcomeUnknown as error:  # what passes, such as a store that is away, is raised
            log.warning("answer.useless", call_id=question.call_id, reason=error.logged)
        finally:
            shutil.rmtree(workspace, ignore_errors=True)
        self._answers.forget(question)

    def _open(self, lease: Lease) -> ClaimedJob:
        with self._database.reading() as session:
            job, document = jobs.held_with_document(session, lease)
        logs.bind(document_id=document.id)
        log.info("job.started", job_id=lease.job_id, document_id=document.id)
        if job.attempts == 1 and job.error is None and job.started_at is not None:
            waited = job.started_at - job.created_at
            metrics.PICKUP_SECONDS.labels(job.lane).observe(waited.total_seconds())
        return ClaimedJob(lease, job, document, self._engines[job.lane])

    def _run(self, work: ClaimedJob) -> ProviderReport | StoreReport | None:
        attempt = _Attempt(work, data_folder.workspace(self._workspaces, *_names(work.lease)))
        attempt.workspace.mkdir()
        self._running[work.job.id] = attempt
        try:
            return self._attempt(attempt)
        except ConversionError as error:
            if isinstance(error, OutcomeUnknown) and attempt.question:
                self._answers.forget(attempt.question)  # it can be read by nobody
            self._recorder.give_up(work, attempt.question, error, is_answered=attempt.is_answered)
            return report_of(error) or seen_in(error)
        except LeaseLost:
            raise
        except NOT_THE_JOBS_DOING:
            if attempt.question:
                self._answers.secure(attempt.question)
            raise
        except Exception:
            log.exception("job.broke", document_id=work.document.id, job_id=work.job.id)
            broken = EngineFailed("The engine broke on this document; the log has the cause.")
            self._recorder.give_up(work, attempt.question, broken, is_answered=attempt.is_answered)
            return None
        finally:
            if self._running.get(work.job.id) is attempt:  # not one that came after it
                del self._running[work.job.id]
            shutil.rmtree(attempt.workspace, ignore_errors=True)

    def _attempt(self, attempt: _Attempt) -> ProviderReport | None:
        work = attempt.work
        self._room.require(work.document.file_size)
        if work.engine.is_paid:
            for kept in self._answers.of_job(work.job.id):
                self._collect(kept, work.engine, work.document)
                attempt.has_collected = True
        part = self._parting.next_part(work, attempt.workspace, has_collected=attempt.has_collected)
        if part is None:
            return None
        question, conversion = self._call(attempt, part)
        self._record(work, question, conversion)
        self._parting.drop(work)
        seconds = attempt.seconds()
        log.info(
            "job.completed",
            job_id=work.job.id,
            document_id=work.document.id,
            pages=conversion.usage.pages,
            duration_ms=round(seconds * 1000, 1),
        )
        metrics.CONVERSION_SECONDS.labels(work.engine.name).observe(seconds)
        return ANSWERED if work.engine.is_paid else None

    def _call(self, attempt: _Attempt, part: Part) -> tuple[CallRecord, Conversion]:
        """Have the engine convert a part, once it is this job's turn."""
        work, options = attempt.work, options_of(attempt.work.document)
        # The intent too: one that waits for its turn to call is not in doubt when we die.
        with self._calls[work.job.lane]:
            self._room.require()  # never pay for an answer that could not be kept
            model = work.engine.model(options)
            attempt.question = question = self._recorder.begin(work, model, part.indexes)
            failpoints.reach(failpoints.CALL_OPENED)
            with metrics.provider_call() if work.engine.is_paid else contextlib.nullcontext():
                conversion = work.engine.convert(
                    part,
                    options,
                    attempt.workspace,
                    self._progress_of(work),
                    self._keeper(attempt, question),
                )
        return question, conversion

    def _record(self, work: ClaimedJob, question: CallRecord, conversion: Conversion) -> None:
        images = self._keep_images(question, conversion)
        try:
            self._recorder.store(work, question, conversion, images)
        except (LeaseLost, PagesMissing):
            self._answers.forget(question)  # what came is stored all the same
            raise
        failpoints.reach(failpoints.RESULT_COMMITTED)
        self._answers.forget(question)

    def _keeper(self, attempt: _Attempt, question: CallRecord) -> Keep:
        def keep(answer: bytes) -> None:
            attempt.is_answered = True
            failpoints.reach(failpoints.ANSWER_RECEIVED)
            try:
                self._answers.keep(question, answer)
            except OSError as error:  # a full disk: the database may still take it
                log.warning("answer.not_kept", call_id=question.call_id, reason=str(error))
            failpoints.reach(failpoints.ANSWER_SAVED)

        return keep

    def _keep_images(self, question: CallRecord, conversion: Conversion) -> Images:
        return keep_images(
            self._database, self._store, self._instance_id, question.document_id, conversion
        )

    def _progress_of(self, work: ClaimedJob) -> Callable[[int, int], None]:
        """Write progress down, at most once a second."""
        next_at = time.monotonic() + PROGRESS_INTERVAL_SECONDS

        def note(done: int, total: int) -> None:
            nonlocal next_at
            if time.monotonic() < next_at:
                return
            next_at = time.monotonic() + PROGRESS_INTERVAL_SECONDS
            try:
                with self._database.writing() as session:
                    results.note_progress(session, work.document.id, done, total)
            except NOT_THE_JOBS_DOING as error:
                # Only a number for the curious: not worth the conversion.
                log.warning(
                    "job.progress_not_noted", document_id=work.document.id, reason=str(error)
                )

        return note


class _Attempt:
    """One attempt at a job: its folder, and the call that it has begun, if any."""

    def __init__(self, work: ClaimedJob, workspace: Path) -> None:
        self.work = work
        self.workspace = workspace
        self.question: CallRecord | None = None
        self.is_answered = False  #: the call was, and is paid for, whatever fails afterwards
        self.has_collected = False  #: answers of earlier attempts, since the document was read
        self._began_at = time.monotonic()

    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began_at


def _names(lease: Lease) -> tuple[str, str]:
    return lease.job_id, lease.token
