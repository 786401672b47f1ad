"""Fetching: does a claimed job that is to bring a document from its address.

What comes is taken in as an upload is: its type is told from its bytes, and limits, quota and
duplicates are looked at, in the transaction that lets another job convert it.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ilios.accounts import holdings
from ilios.accounts.holdings import Standard
from ilios.conversion.claimed_job import bind_document
from ilios.conversion.fetch_units import FailFetch, StoreFetched
from ilios.conversion.outcomes import log_failed
from ilios.core import data_folder, failpoints, ids
from ilios.core.conversion_errors import (
    ConversionError,
    EngineFailed,
    NotFetched,
    ObjectMissing,
)
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import DatabaseBusy, LeaseLost, OutcomeUnknown
from ilios.core.request_errors import RequestError
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db import instance
from ilios.db.database import Database, Scope
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Document, Job
from ilios.documents import password_sealing, passwords, url_sources
from ilios.documents.admission import Candidate, Order, Stored
from ilios.documents.options import options_of
from ilios.documents.uploads import Received, UploadSink
from ilios.documents.url_sources import Earlier, Source
from ilios.documents.validation import accepted_type
from ilios.outbound.connections import Patience
from ilios.outbound.fetching import Fetched, Fetcher, Validators
from ilios.outbound.guard import Guard
from ilios.queue import jobs
from ilios.queue.jobs import Lease
from ilios.storage.base import ObjectStore
from ilios.storage.health import StoreReport, store_report_of
from ilios.storage.object_keys import uploaded_key

log = logs.get(__name__)

FETCHES_AT_ONCE: Final = 8  #: of a worker, beside those of guests; they mostly wait
NOT_CAUSED_BY_JOB: Final = (DatabaseBusy, SQLAlchemyError, OSError)


def fetcher_of(settings: Settings) -> Fetcher:
    """Return what fetches, through the guard, within the time of a job."""
    usual = Patience()
    total_seconds = min(usual.total_seconds, settings.job_deadline_seconds)
    return Fetcher(Guard(settings.url_allowance), replace(usual, total_seconds=total_seconds))


class Fetches:
    """Does jobs for the threads of a worker, which share it."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: ObjectStore,
        fetcher: Fetcher,
        group_commit: GroupCommit,
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._fetcher = fetcher
        self._group_commit = group_commit
        self._disk_reserve = DiskReserve(settings)
        self._workspaces = data_folder.workspaces(settings)
        self._running: dict[str, _Attempt] = {}  #: by job
        with database.reading() as session:
            self._instance_id = instance.instance_id(session)

    def stop(self, job_id: str) -> None:
        """End a cancelled job at the next block that comes, from another thread than its own."""
        attempt = self._running.get(job_id)
        if attempt is not None:
            log.info("job.stopped", job_id=job_id)
            attempt.is_wanted = False

    def run(self, lease: Lease) -> StoreReport | None:
        """Do one job to its end, whatever that is; return what it shows of the store.

        Raises only what the job did not cause: a database that refuses, a disk that is full.
        """
        try:
            return self._run(self._open(lease))
        except LeaseLost:
            log.warning("job.lease_lost", job_id=lease.job_id)
            return None

    def _open(self, lease: Lease) -> _Attempt:
        with self._database.watching() as watch:
            job, document = jobs.held_with_document(watch, lease)
        bind_document(document.id)
        log.info("job.started", job_id=lease.job_id, document_id=document.id)
        folder = data_folder.workspace(self._workspaces, lease.job_id, lease.token)
        return _Attempt(lease, job, document, folder)

    def _run(self, attempt: _Attempt) -> StoreReport | None:
        attempt.folder.mkdir()
        self._running[attempt.lease.job_id] = attempt
        try:
            self._attempt(attempt)
        except RequestError as error:
            # Its sentence names the file, which may be a part of the address.
            detail = f"{error.detail} {attempt.received_bytes} bytes were received."
            failed = NotFetched(detail, code=error.code, logged=error.title)
            self._give_up(attempt, failed)
        except ConversionError as error:
            self._give_up(attempt, error)
            return store_report_of(error)
        except (LeaseLost, *NOT_CAUSED_BY_JOB):
            raise
        except Exception:
            log.exception("job.broke", document_id=attempt.document.id, job_id=attempt.job.id)
            broken = EngineFailed("The fetch of this document broke; the log has the cause.")
            self._give_up(attempt, broken)
        finally:
            if self._running.get(attempt.lease.job_id) is attempt:  # not one that came after it
                del self._running[attempt.lease.job_id]
            shutil.rmtree(attempt.folder, ignore_errors=True)
        return None

    def _attempt(self, attempt: _Attempt) -> None:
        document = attempt.document
        with self._database.watching() as watch:
            source = url_sources.source_of(watch, document.id)
            earlier = url_sources.earlier(watch, document.owner, source.digest)
        try:
            brought = self._bring(attempt, source, earlier)
        except ObjectMissing:  # it was deleted since
            brought = self._bring(attempt, source, None)
        if brought is None:
            return
        file, fetched, validators = brought
        attempt.received_bytes = fetched.size_bytes
        failpoints.reach(failpoints.FETCHED)
        self._take_in(attempt, source, file, fetched, validators)

    def _bring(
        self, attempt: _Attempt, source: Source, earlier: Earlier | None
    ) -> tuple[Received, Fetched, Validators | None] | None:
        """Return the file, from the address or as it came before; None when nobody wants it."""
        limit_bytes = self._settings.max_file_size_bytes
        if earlier is not None and earlier.size_bytes > limit_bytes:
            earlier = None
        known = None
        if earlier is not None:
            known = Validators(earlier.final_digest, earlier.etag, earlier.last_modified)
        sink = UploadSink(attempt.folder, limit_bytes, self._disk_reserve)
        with contextlib.closing(sink):
            fetched = self._fetcher.fetch(
                source.url,
                sink.write,
                limit_bytes=limit_bytes,
                known=known,
                is_wanted=lambda: attempt.is_wanted,
            )
        if not attempt.is_wanted:
            return None
        given_name = attempt.document.file_name if source.is_named else None
        if not fetched.is_unchanged or earlier is None:
            name = given_name or fetched.named(attempt.document.file_name)
            return sink.received(name), fetched, fetched.validators
        path = attempt.folder / ids.new_id()
        with self._disk_reserve.promised(earlier.size_bytes):
            self._store.fetch(earlier.storage_key, path, earlier.sha256)
        name = given_name or earlier.file_name
        return Received(path, name, earlier.size_bytes, earlier.sha256), fetched, known

    def _take_in(
        self,
        attempt: _Attempt,
        source: Source,
        file: Received,
        fetched: Fetched,
        validators: Validators | None,
    ) -> None:
        """Store a file, and let it be converted. Raises what a submit of it does."""
        settings, document = self._settings, attempt.document
        order = self._order(attempt, source)
        media_type = accepted_type(file, order.options, settings)
        standard = self._require_room(document.owner, file.size_bytes)
        # A key of its own for each attempt: one that loses its lease removes only its own copy.
        key = uploaded_key(self._instance_id, document.id, ids.new_id())
        stored = Stored(document.id, file.file_name, media_type, file.size_bytes, file.sha256, key)
        candidate = Candidate.of(settings, stored, order)
        try:
            self._store.put(key, file.path, media_type, file.sha256)
            failpoints.reach(failpoints.FETCHED_STORED)
            unit = StoreFetched(settings, attempt.lease, candidate, standard, validators)
            scope = Scope.owner(document.owner)  # that of what is submitted
            status = self._group_commit.write(unit, document.owner, scope)
        except OutcomeUnknown:
            raise  # the object may be the document's now: else the sweep finds it
        except BaseException:
            with contextlib.suppress(Exception):
                self._store.delete(key)
            raise
        log.info(
            "document.fetched",
            document_id=document.id,
            host=fetched.host,
            media_type=media_type,
            size_bytes=file.size_bytes,
            is_unchanged=fetched.is_unchanged,
            status=status.value,
        )

    def _order(self, attempt: _Attempt, source: Source) -> Order:
        """Return the order that the document was submitted with."""
        document = attempt.document
        with self._database.watching() as watch:
            sealed = passwords.sealed_of(watch, document.id)
        password = None
        if sealed is not None:
            password = password_sealing.opened(self._settings, document.id, sealed)
        return Order(
            owner=document.owner,
            priority=attempt.job.priority,
            retention_days=document.retention_days,
            options=options_of(document),
            operation=document.operation,
            cache=source.uses_cache,
            origin=attempt.lease.origin,
            webhook_url=document.webhook_url,
            password=password,
        )

    def _require_room(self, owner: str, size_bytes: int) -> Standard:
        """Refuse what the transaction would refuse, before the file is stored."""
        standard = Standard.of(self._settings, self._disk_reserve.free_bytes)
        with self._database.watching() as watch:
            holding = holdings.of(watch, owner, standard)
        holding.require_room(holdings.counted_bytes(size_bytes), 0)
        return standard

    def _give_up(self, attempt: _Attempt, error: ConversionError) -> None:
        """End an attempt that failed: wait, retry or fail, as the error says. Raises LeaseLost."""
        scope = Scope.document(attempt.document.id)
        status = self._group_commit.write(FailFetch(attempt.lease, error), scope=scope)
        log_failed(attempt.job, status, error)


class _Attempt:
    """One attempt at a job; job and document are detached, and read only."""

    def __init__(self, lease: Lease, job: Job, document: Document, folder: Path) -> None:
        self.lease = lease
        self.job = job
        self.document = document
        self.folder = folder
        self.is_wanted = True  #: until the job is cancelled
        self.received_bytes = 0  #: once all of them are here
