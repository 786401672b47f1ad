"""Isolation: which pages of a refused call the provider refuses, found by halving it.

Only for documents that may be completed without some pages (`allowPartial`): the pages beside the
refused ones are converted, and paid for once. A refused call is not billed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ilios.conversion.claimed_job import ClaimedJob
from ilios.conversion.planning import SOURCE, Planner
from ilios.conversion.recorder import Recorder, Refused
from ilios.core import failpoints
from ilios.core.conversion_errors import (
    ConversionError,
    CorruptDocument,
    DocumentTooLarge,
    RefusedByProvider,
)
from ilios.core.disk_space import DiskReserve
from ilios.core.telemetry import logs
from ilios.db.database import Database
from ilios.documents.options import options_of
from ilios.queue import queries
from ilios.storage.answer_spool import CallRecord

log = logs.get(__name__)

REFUSALS: Final = (RefusedByProvider, CorruptDocument, DocumentTooLarge)
"""Errors of a call that the pages cause, whoever asks and when."""
FAILED_JOBS_MAX: Final = 100
"""Of a document: then most of it is refused, and further ranges fail as they are."""


class Isolation:
    """Halves jobs for the threads of a worker, which share it."""

    def __init__(
        self, database: Database, planner: Planner, recorder: Recorder, disk_reserve: DiskReserve
    ) -> None:
        self._database = database
        self._planner = planner
        self._recorder = recorder
        self._disk_reserve = disk_reserve

    def end(
        self,
        claimed: ClaimedJob,
        call: CallRecord | None,
        error: ConversionError,
        workspace: Path,
        *,
        is_answered: bool,
    ) -> None:
        """End an attempt that failed: jobs for fewer pages take over, or it is given up.

        Raises LeaseLost.
        """
        if call is None or is_answered or not self._is_to_be_halved(claimed, call, error):
            self._recorder.give_up(claimed, call, error, is_answered=is_answered)
            return
        try:
            self._halve(claimed, call, error, workspace)
        except ConversionError as obstacle:
            log.warning("job.not_halved", job_id=claimed.job.id, reason=obstacle.logged)
            # What passes is waited for; else the pages fail together.
            self._recorder.give_up(claimed, call, obstacle if obstacle.retryable else error)

    def _halve(
        self, claimed: ClaimedJob, call: CallRecord, error: ConversionError, workspace: Path
    ) -> None:
        size_bytes = (workspace / SOURCE).stat().st_size
        with self._disk_reserve.promised(2 * size_bytes):  # cut, and stored
            halves = self._planner.halve(claimed, call.indexes or (), workspace)
        failpoints.reach(failpoints.HALVES_STORED)
        self._recorder.halve(claimed, halves, Refused(call, error))
        failpoints.reach(failpoints.JOB_HALVED)
        self._planner.delete_part(claimed)

    def _is_to_be_halved(
        self, claimed: ClaimedJob, call: CallRecord, error: ConversionError
    ) -> bool:
        options = options_of(claimed.document)
        is_refused = isinstance(error, REFUSALS) and len(call.indexes or ()) > 1
        if not is_refused or not options.may_be_divided:
            return False
        with self._database.reading() as session:
            return queries.failed_jobs(session, claimed.document.id) < FAILED_JOBS_MAX
