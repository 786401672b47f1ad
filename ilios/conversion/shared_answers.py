"""The spool of paid answers of a cluster: what a node spools as a file, the database has too.

So the next attempt at a job reads the answer that another node has paid for, also when that node is
gone. A row goes with the transaction that ends its call (ilios.db.postgres.cluster).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.exc import SQLAlchemyError

from ilios.core import clock
from ilios.core.errors import DatabaseBusy
from ilios.core.telemetry import logs
from ilios.db.database import Database, Scope
from ilios.db.dialects import upsert
from ilios.db.models import UtcDateTime
from ilios.db.models.cluster import PaidAnswer
from ilios.db.prepared import Prepared
from ilios.storage import answer_spool
from ilios.storage.answer_spool import AnswerSpool, CallRecord, SpooledAnswer

log = logs.get(__name__)

SHARED_MAX_BYTES: Final = 64 * 1024 * 1024  #: of an answer; a larger one is a file of its node only
_FAULTS: Final = (SQLAlchemyError, DatabaseBusy)
_COLUMNS: Final = ("call_id", "job_id", "call", "body", "node", "kept_at")
_KEEP = Prepared(upsert(PaidAnswer).on_conflict_do_nothing(), _COLUMNS)
_FORGET = Prepared(delete(PaidAnswer).where(PaidAnswer.call_id == bindparam("of_call")))
_JOBS = Prepared(select(PaidAnswer.job_id))
_KEPT = select(PaidAnswer.call, PaidAnswer.body)
_OF_JOB = Prepared(_KEPT.where(PaidAnswer.job_id == bindparam("of_job")))
_OLD_ELSEWHERE = Prepared(
    _KEPT.where(
        PaidAnswer.node != bindparam("this_node"),
        PaidAnswer.kept_at < bindparam("before", type_=UtcDateTime()),
    ).limit(1)
)


class SharedAnswers(AnswerSpool):
    """A folder of answers, and those of all nodes in the database."""

    def __init__(self, folder: Path, database: Database, node: str) -> None:
        super().__init__(folder)
        self._database = database
        self._node = node

    def keep(self, call: CallRecord, body: bytes) -> SpooledAnswer:
        """Write an answer to a file, then to the database if that takes it."""
        kept = super().keep(call, body)
        if len(body) > SHARED_MAX_BYTES:
            log.warning("answer.not_shared", call_id=call.call_id, reason="too large")
            return kept
        try:
            with self._database.writing(Scope.ROWS) as session:
                _KEEP.run(session, **self._row(call, body, clock.now()))
        except _FAULTS as error:  # the file is there, and this node goes on when it can
            log.warning("answer.not_shared", call_id=call.call_id, reason=type(error).__name__)
        return kept

    def forget(self, call: CallRecord) -> None:
        super().forget(call)
        try:
            with self._database.writing(Scope.ROWS) as session:
                _FORGET.run(session, of_call=call.call_id)
        except _FAULTS as error:  # it is recorded, or of no use: found again as a leftover
            log.warning("answer.not_forgotten", call_id=call.call_id, reason=type(error).__name__)

    def jobs(self) -> set[str]:
        with self._database.watching() as watch:
            return super().jobs() | {job_id for (job_id,) in _JOBS.all(watch)}

    def of_job(self, job_id: str) -> list[SpooledAnswer]:
        """Return the answers of earlier attempts at a job, on any node."""
        with self._database.watching() as watch:
            self._bring(_OF_JOB.all(watch, of_job=job_id))
        return super().of_job(job_id)

    def older_than(self, seconds: float) -> list[SpooledAnswer]:
        """Return answers whose job has not fetched them for so long; one of other nodes."""
        before = clock.now() - timedelta(seconds=seconds)
        with self._database.watching() as watch:
            old = _OLD_ELSEWHERE.all(watch, this_node=self._node, before=before)
            brought = self._bring(old)
        return [*super().older_than(seconds), *brought]

    def _bring(self, rows: Iterable[tuple[dict[str, Any], bytes]]) -> list[SpooledAnswer]:
        """Write answers to files here, unless they are here already."""
        brought = []
        for fields, body in rows:
            call = answer_spool.call_of(fields)
            if not any(one.call.call_id == call.call_id for one in super().of_job(call.job_id)):
                brought.append(super().keep(call, bytes(body)))
        return brought

    def _row(self, call: CallRecord, body: bytes, now: datetime) -> dict[str, object]:
        fields = answer_spool.fields_of(call)
        return {
            "call_id": call.call_id,
            "job_id": call.job_id,
            "call": fields,
            "body": body,
            "node": self._node,
            "kept_at": now,
        }
