"""Schemas, and documents that our stand-in of the provider converts in the test's own process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from ilios.conversion.converter import Converter
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Call, CallState, ExtractionRow
from ilios.documents import results
from ilios.engines import json_schemas
from ilios.engines.base import Options
from ilios.engines.extraction import ExtractionTexts
from ilios.engines.mistral.engine import MistralEngine
from ilios.engines.registry import MISTRAL
from ilios.queue import jobs
from ilios.queue.jobs import Lease
from ilios.storage.opening import open_store
from tests.mistral_server.journal import Report
from tests.support import working

SCHEMA: Final = json_schemas.checked(
    '{"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}'
)
IMAGE_SCHEMA: Final = json_schemas.checked(
    '{"type": "object", "properties": {"caption": {"type": "string"}}, "required": ["caption"]}'
)
PLAIN_MICROS: Final = 4_000  #: a page of the default model
ANNOTATED_MICROS: Final = 5_000


def asking(
    schema: str | None = SCHEMA,
    image_schema: str | None = None,
    instructions: str | None = None,
    **options: object,
) -> Options:
    """Return options with these schemas; images are kept if there is one for them."""
    texts = ExtractionTexts(schema, image_schema, instructions)
    kept = {"include_images": True} if image_schema else {}
    return Options(extraction=texts.request(), **kept, **options)  # type: ignore[arg-type]


class MistralWorker:
    """Claims what waits for Mistral, even before it is due, and converts it."""

    def __init__(self, settings: Settings, database: Database, engine: MistralEngine) -> None:
        self._database = database
        self.converter: Converter = working.converter(
            settings,
            database,
            open_store(settings),
            engine,
            lane=MISTRAL,
            pricing=settings.pricing,
        )

    def claim(self) -> Lease | None:
        with self._database.writing() as session:
            now = clock.now()
            jobs.promote_due(session, now + timedelta(days=366))
            lease = jobs.claim(session, MISTRAL, "test/0", now)
            if lease is not None:
                results.begin(session, lease.job_id, now)
        return lease

    def work(self) -> None:
        for lease in self._claimed():
            self.converter.run(lease)

    def _claimed(self) -> Iterator[Lease]:
        while lease := self.claim():
            yield lease


def billed_micros(report: Report) -> int:
    """Return what the provider bills for its calls and lines, at the default model's prices."""
    return sum(
        call.pages_billed
        * (ANNOTATED_MICROS if call.annotated else PLAIN_MICROS)
        // (2 if call.batch else 1)
        for call in report.calls
    )


def settled_micros(calls: list[Call]) -> int:
    """Return what the ledger has settled, without the margin."""
    return sum(call.base_cost_micros for call in calls if call.state is CallState.SETTLED)


def extraction(database: Database, document_id: str) -> ExtractionRow | None:
    with database.reading() as session:
        of_document = select(ExtractionRow).where(ExtractionRow.document_id == document_id)
        return session.scalars(of_document).one_or_none()
