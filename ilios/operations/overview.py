"""The status page's content: the whole service at one moment, and no content of any document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.orm import Session

from ilios.accounts import quotas
from ilios.core import clock, conversion_errors
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import JobType
from ilios.operations import statistics, usage_by_key
from ilios.operations.beats import ReadBeat
from ilios.operations.health import Examiner, Health
from ilios.operations.heartbeat import Heartbeat
from ilios.operations.statistics import Depth, Ended
from ilios.operations.usage_by_key import Account, Holder, UsageRecords
from ilios.queue import pause

DAYS: Final = 30  #: of use that are shown, today included
LAST_HOUR: Final = timedelta(hours=1)
RUNNING_SHOWN: Final = 50
RETRIES_SHOWN: Final = 20
FAILURES_SHOWN: Final = 20
ACCOUNTS_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Task:
    """A job that runs or waits for a retry. Pages are those of its whole document.

    `key` is the name of the key that owns it. A step of a provider's batch has no document.
    """

    key: str
    document_id: str | None
    type: JobType
    lane: str
    worker: str | None
    attempts: int
    max_attempts: int
    first_page: int | None  #: from 0
    last_page: int | None
    scheduled_at: datetime | None
    started_at: datetime | None
    mime_type: str | None
    file_size: int | None
    pages_done: int | None
    page_count: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that has failed.

    `reason` says what `code` means. The document's own error is left out: it may quote content.
    """

    key: str
    document_id: str
    failed_at: datetime
    code: str
    reason: str
    engine_fault: bool
    mime_type: str
    file_size: int
    page_count: int | None


@dataclass(frozen=True, slots=True)
class Status:
    """The service at one moment; `beat` is None when the supervisor does not answer."""

    now: datetime
    health: Health
    beat: Heartbeat | None
    paused_since: datetime | None
    depths: list[Depth]
    ended: Ended
    running: list[Task]
    retries: list[Task]
    failures: list[Failure]
    days: tuple[date, ...]
    accounts: list[Account]


class Overview:
    """Answers from one snapshot of the database and the supervisor's heartbeat."""

    def __init__(
        self, settings: Settings, database: Database, examiner: Examiner, read_beat: ReadBeat
    ) -> None:
        self._configured = usage_by_key.configured(settings.api_keys)
        self._database = database
        self._examiner = examiner
        self._read_beat = read_beat

    def status(self) -> Status:
        """Read the state of the service."""
        now = clock.now()
        health = self._examiner.examine()
        beat = self._read_beat()
        today, _ = quotas.day_of(now)
        days = tuple(today - timedelta(days=ago) for ago in reversed(range(DAYS)))
        with self._database.reading() as session:
            records = _usage_records(session, days[0], now)
            holders = self._holders(session, records)
            return Status(
                now=now,
                health=health,
                beat=beat if beat and beat.is_fresh else None,
                paused_since=pause.paused_since(session),
                depths=statistics.depths(session, statistics.LANES),
                ended=statistics.ended_since(session, now - LAST_HOUR),
                running=[_task(row, holders) for row in statistics.running(session, RUNNING_SHOWN)],
                retries=[_task(row, holders) for row in statistics.retries(session, RETRIES_SHOWN)],
                failures=[
                    _failure(row, holders) for row in statistics.failures(session, FAILURES_SHOWN)
                ],
                days=days,
                accounts=usage_by_key.accounts(holders, records, days),
            )

    def _holders(self, session: Session, records: UsageRecords) -> dict[str, Holder]:
        rows = statistics.keys_of(session, records.owners)
        return {**self._configured, **usage_by_key.issued(rows, records.now)}


def _usage_records(session: Session, first_day: date, now: datetime) -> UsageRecords:
    month, _ = quotas.month_of(now)
    used = statistics.used(session, min(first_day, month))
    return UsageRecords(used, statistics.reserved(session), statistics.held(session), now)


def _task(row: Row[Any], holders: Mapping[str, Holder]) -> Task:
    columns = row._asdict()
    return Task(key=_name(columns.pop("owner"), holders), **columns)


def _failure(row: Row[Any], holders: Mapping[str, Holder]) -> Failure:
    code = row.error_code or conversion_errors.ConversionError.code
    return Failure(
        key=_name(row.owner, holders),
        document_id=row.id,
        failed_at=row.processed_at,
        code=code,
        reason=conversion_errors.meaning(code),
        engine_fault=row.engine_fault,
        mime_type=row.mime_type,
        file_size=row.file_size,
        page_count=row.page_count,
    )


def _name(owner: str, holders: Mapping[str, Holder]) -> str:
    return usage_by_key.holder_of(owner, holders).name
