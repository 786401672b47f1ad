"""Batches in the provider's lane: submitted the way the API does, against our stand-in of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select

from ilios.conversion.provider_batches.opening import open_batches
from ilios.conversion.recorder import Recorder
from ilios.core import clock, data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.models import (
    Call,
    CallState,
    Document,
    DocumentStatus,
    PageRow,
    ProviderBatch,
    ProviderBatchState,
)
from ilios.documents.admission import Order
from ilios.documents.submission import Submissions
from ilios.documents.uploads import UploadSink
from ilios.engines.base import Options
from ilios.engines.governor import ProviderReport
from ilios.engines.mistral.engine import MistralEngine
from ilios.engines.registry import MISTRAL
from ilios.queue import jobs, release
from ilios.queue.notify import Notifier
from ilios.storage.health import StoreReport
from ilios.storage.opening import open_store
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support.waiting import wait_until

WORK_TIMEOUT_S = 40.0
FILE_LIMIT_BYTES = 1024**3
BATCH_PAGE_MICROS = 2_000  #: half of what a page of the default model costs
TOO_LARGE_FOR_A_LINE = 7_000_000  #: bytes


def pointing_at(settings: Settings, provider: MistralServer, **changes: Any) -> Settings:
    """Return settings for the provider's engine, at this address."""
    return settings.model_copy(
        update={
            "mistral_api_key": SecretStr(API_KEY),
            "mistral_server_url": provider.url,
            "provider_batch_poll_seconds": 1,
            "margin_rate": 0,
            **changes,
        }
    )


def one_page(number: int, padding_bytes: int = 0) -> bytes:
    """Return a PDF that is a duplicate of no other; line faults find it by its text."""
    return pdf(f"Document number {number}.", padding_bytes=padding_bytes)


def submit(
    settings: Settings,
    database: Database,
    contents: Sequence[bytes],
    options: Options | None = None,
    *,
    in_batch_lane: bool = True,
    owner: str = "anonymous",
) -> list[str]:
    """Submit a batch; returns the ids of its documents."""
    received = []
    for number, content in enumerate(contents):
        sink = UploadSink(data_folder.uploads(settings), FILE_LIMIT_BYTES, DiskReserve(settings))
        sink.write(content)
        received.append(sink.received(f"file-{number}.pdf"))
    notifier = Notifier(data_folder.wake_socket(settings))
    order = Order(owner, options=options or Options(), provider_batch=in_batch_lane)
    submissions = Submissions(settings, database, open_store(settings), notifier)
    _, documents = submissions.submit_batch(received, order)
    return [document.id for document in documents]


def batch(database: Database) -> ProviderBatch:
    """Return the one that there is."""
    with database.reading() as session:
        return session.scalars(select(ProviderBatch)).one()


def is_ended(database: Database) -> bool:
    return batch(database).state is ProviderBatchState.ENDED


def state(database: Database) -> ProviderBatchState:
    return batch(database).state


def documents(database: Database, ids: Sequence[str]) -> list[Document]:
    with database.reading() as session:
        found = {one.id: one for one in session.scalars(select(Document))}
    return [found[document_id] for document_id in ids]


def pages(database: Database, document_id: str) -> list[PageRow]:
    with database.reading() as session:
        of_document = select(PageRow).where(PageRow.document_id == document_id)
        return list(session.scalars(of_document.order_by(PageRow.index)))


def call_states(database: Database) -> list[CallState]:
    return [call.state for call in calls(database)]


def calls(database: Database) -> list[Call]:
    with database.reading() as session:
        return list(session.scalars(select(Call).order_by(Call.created_at, Call.call_id)))


class Died(BaseException):
    """What stands for a kill -9 in the middle of a step."""


class LaneWorker:
    """A worker in the test's own process that takes batches forward, without their pauses."""

    def __init__(self, settings: Settings, database: Database, engine: MistralEngine) -> None:
        self._database = database
        recorder = Recorder(GroupCommit(database), settings.pricing, settings.ambiguous_retries)
        batches = open_batches(settings, database, open_store(settings), engine, recorder)
        assert batches is not None
        self._batches = batches

    def step(self, *, patient: bool = False) -> ProviderReport | StoreReport | None:
        """Claim the batch's job, even before it is due, and do what is next."""
        with self._database.writing() as session:
            jobs.promote_due(session, clock.now() + timedelta(days=0 if patient else 1))
            lease = jobs.claim(session, MISTRAL, "test/0", clock.now())
        if lease is None:
            return None
        try:
            return self._batches.run(lease)
        except Died:
            with self._database.writing() as session:
                lost = release.under_leases([lease])
                release.release_lost(session, lost, "killed", clock.now())
            return None

    def work_until(self, reached: Callable[[], bool], *, patient: bool = False) -> None:
        def step_or_reached() -> bool:
            if not reached():
                self.step(patient=patient)
            return reached()

        wait_until(step_or_reached, WORK_TIMEOUT_S)

    def work(self, *, patient: bool = False) -> None:
        """Take the batch to its end."""
        self.work_until(lambda: is_ended(self._database), patient=patient)


# What the fixtures of the integration tests are.
MakeWorker = Callable[..., LaneWorker]  #: settings as keywords
Submit = Callable[..., list[str]]  #: contents, then options, owner and settings as keywords
Statuses = Callable[[list[str]], list[DocumentStatus]]
Check = Callable[[], None]
