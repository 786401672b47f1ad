"""What operators see of the service: one look at all of it, without a word of any document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.orm import Session

from ilios.accounts import quotas
from ilios.accounts.keys import ANONYMOUS
from ilios.core import clock, conversion_errors
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import JobType
from ilios.engines import registry
from ilios.operations import heartbeat, statistics, usage_by_key
from ilios.operations.health import Examiner, Health
from ilios.operations.heartbeat import Heartbeat
from ilios.operations.statistics import Depth, Ended
from ilios.operations.usage_by_key import FORMER, NOBODY, Account, Books, Holder

DAYS: Final = 30  #: of use that are shown, today included
LATELY: Final = timedelta(hours=1)
SHOWN: Final = 50  #: of the jobs that run
SHOWN_OF_THE_REST: Final = 20  #: of retries and failures
ACCOUNTS_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Task:
    """A job that runs or waits for a retry; `key` names whose it is. Pages are the document's.

    A step of a provider's batch has no document.
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
    """`reason` says what the code means: the document's own error may quote it."""

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
    """All of it, as of one moment; `beat` is None when the supervisor does not answer."""

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
        self, settings: Settings, database: Database, examiner: Examiner, supervisor_state: Path
    ) -> None:
        self._configured = usage_by_key.configured(settings.api_keys)
        self._database = database
        self._examiner = examiner
        self._supervisor_state = supervisor_state

    def status(self) -> Status:
        """How the service is, and what it does."""
        now = clock.now()
        health = self._examiner.examine()
        beat = heartbeat.read(self._supervisor_state)
        today, _ = quotas.day_of(now)
        days = tuple(today - timedelta(days=ago) for ago in reversed(range(DAYS)))
        with self._database.reading() as session:
            books = _books(session, days[0], now)
            holders = self._holders(session, books)
            return Status(
                now=now,
                health=health,
                beat=beat if beat and beat.is_fresh else None,
                paused_since=statistics.paused_since(session),
                depths=statistics.depths(session, registry.LANES),
                ended=statistics.ended_since(session, now - LATELY),
                running=[_task(row, holders) for row in statistics.running(session, SHOWN)],
                retries=[
                    _task(row, holders) for row in statistics.retries(session, SHOWN_OF_THE_REST)
                ],
                failures=[
                    _failure(row, holders)
                    for row in statistics.failures(session, SHOWN_OF_THE_REST)
                ],
                days=days,
                accounts=usage_by_key.accounts(holders, books, days),
            )

    def _holders(self, session: Session, books: Books) -> dict[str, Holder]:
        rows = statistics.keys_of(session, books.used)
        return {**self._configured, **usage_by_key.issued(rows, books.now)}


def _books(session: Session, first_day: date, now: datetime) -> Books:
    month, _ = quotas.month_of(now)
    used = statistics.used(session, min(first_day, month))
    return Books(used, statistics.reserved(session), now)


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
    stranger = NOBODY if owner == ANONYMOUS else FORMER
    return holders.get(owner, stranger).name
