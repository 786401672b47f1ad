"""Doing a job: fetch, convert, then one transaction for all that the result changes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from ilios import catalog, clock, data_folder, ledger, logs, queue
from ilios.catalog import StoredImage
from ilios.conversion_errors import ConversionError, EngineFailed, ParserCrashed, PoisonDocument
from ilios.database import Database
from ilios.engines.base import Conversion, Engine, Options, Source
from ilios.errors import DatabaseBusy, LeaseLost
from ilios.models import Document, JobStatus
from ilios.page_selection import PageSelection
from ilios.queue import Lease
from ilios.storage.base import ObjectStore
from ilios.storage.keys import image_key

log = logs.get(__name__)

PROGRESS_INTERVAL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Task:
    """A claimed job, read once: what to convert, and under which call it goes into the ledger."""

    lease: Lease
    document: Document  #: detached; read only
    call_id: str
    instance_id: str
    workspace: Path


class Converter:
    """Does jobs for one worker; its threads share it."""

    def __init__(
        self, database: Database, store: ObjectStore, engine: Engine, workspaces: Path
    ) -> None:
        self._database = database
        self._store = store
        self._engine = engine
        self._workspaces = workspaces

    def run(self, lease: Lease) -> None:
        """Do one job to its end, whatever that is. Raises nothing that concerns the job alone."""
        started = time.monotonic()
        try:
            task = self._open(lease)
            try:
                self._convert(task)
            except ConversionError as error:
                self._give_up(task, error)
            except (LeaseLost, DatabaseBusy, SQLAlchemyError, OSError):
                raise  # not the document's doing
            except Exception:
                log.exception("job.broke", document_id=task.document.id, job_id=lease.job_id)
                self._give_up(task, EngineFailed("The result could not be kept; see the log."))
            finally:
                shutil.rmtree(task.workspace, ignore_errors=True)
        except LeaseLost:
            log.warning("job.lease_lost", job_id=lease.job_id)
            return
        log.debug("job.done", job_id=lease.job_id, seconds=round(time.monotonic() - started, 3))

    def _open(self, lease: Lease) -> Task:
        """Read the job, and record that a call is about to be made for it."""
        with self._database.writing() as session:
            queue.held(session, lease)
            document = catalog.document_of_job(session, lease.job_id)
            call_id = ledger.open_call(
                session,
                document,
                lease.job_id,
                engine=self._engine.name,
                model=self._engine.model,
                now=clock.now(),
            )
            instance_id = catalog.instance_id(session)
        workspace = data_folder.workspace(self._workspaces, lease.job_id, lease.token)
        workspace.mkdir()
        log.info("job.started", job_id=lease.job_id, document_id=document.id)
        return Task(lease, document, call_id, instance_id, workspace)

    def _convert(self, task: Task) -> None:
        document = task.document
        source = Source(task.workspace / "source", document.mime_type, document.file_name)
        self._store.fetch(document.storage_key, source.path)
        try:
            conversion = self._engine.convert(
                source, _options(document), task.workspace, self._progress_of(document.id)
            )
        except ConversionError:
            raise
        except Exception as error:
            log.exception("engine.failed", document_id=document.id, job_id=task.lease.job_id)
            raise EngineFailed(
                "The engine broke on this document; the log has the cause."
            ) from error
        self._finish(task, conversion, self._keep_images(task, conversion))

    def _keep_images(self, task: Task, conversion: Conversion) -> dict[int, list[StoredImage]]:
        """Store the images; keys by document and name, so that a repetition overwrites its own."""
        kept: dict[int, list[StoredImage]] = {}
        for page in conversion.pages:
            for image in page.images:
                key = image_key(task.instance_id, task.document.id, image.name)
                self._store.put(key, image.path, image.media_type)
                stored = StoredImage(image.name, key, image.media_type, image.bbox)
                kept.setdefault(page.index, []).append(stored)
        return kept

    def _finish(
        self, task: Task, conversion: Conversion, images: dict[int, list[StoredImage]]
    ) -> None:
        with self._database.writing() as session:
            now = clock.now()
            queue.finish(session, task.lease, now)
            document = catalog.document_of_job(session, task.lease.job_id)
            catalog.store_result(session, document, conversion, images, now)
            ledger.settle(session, task.call_id, conversion, now)
        log.info(
            "job.completed",
            job_id=task.lease.job_id,
            document_id=task.document.id,
            pages=conversion.usage.pages,
        )

    def _give_up(self, task: Task, error: ConversionError) -> None:
        """Retry or fail, as the error says."""
        with self._database.writing() as session:
            now = clock.now()
            ledger.refuse(session, task.call_id, now)
            if isinstance(error, ParserCrashed):
                crashes = queue.count_crash(session, task.lease)
                if crashes >= queue.MAX_CRASHES:
                    error = PoisonDocument(
                        f"The document crashed its parser {crashes} times. {error.detail}"
                    )
            if error.retryable:
                status = queue.retry(session, task.lease, error.detail, now)
            else:
                queue.fail(session, task.lease, error.detail, now)
                status = JobStatus.FAILED
            if status is JobStatus.FAILED:
                catalog.fail(session, task.document.id, error, now)
            else:
                catalog.wait_again(session, task.document.id)
        log.warning(
            "job.failed" if status is JobStatus.FAILED else "job.retried",
            job_id=task.lease.job_id,
            document_id=task.document.id,
            code=error.code,
            reason=error.detail,
        )

    def _progress_of(self, document_id: str) -> Callable[[int, int], None]:
        """Write progress down, at most once a second."""
        next_at = time.monotonic() + PROGRESS_INTERVAL_SECONDS

        def note(done: int, total: int) -> None:
            nonlocal next_at
            if time.monotonic() < next_at:
                return
            next_at = time.monotonic() + PROGRESS_INTERVAL_SECONDS
            try:
                with self._database.writing() as session:
                    catalog.note_progress(session, document_id, done, total)
            except (SQLAlchemyError, DatabaseBusy, OSError) as error:
                # Only a number for the curious: not worth the conversion.
                log.warning("job.progress_not_noted", document_id=document_id, reason=str(error))

        return note


def _options(document: Document) -> Options:
    pages = document.options.get("pages")
    return Options(PageSelection.parse(pages) if pages else None)
