"""Write the predecessor's content into a database of ours, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Insert, insert, update
from sqlalchemy.orm import Session

from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db.models import (
    Base,
    Batch,
    Call,
    Document,
    DocumentStatus,
    Instance,
    Job,
    PagePiece,
    PageRow,
)
from ilios.migration.legacy import row_mapping, value_mapping
from ilios.migration.legacy.predecessor import Predecessor
from ilios.migration.legacy.status_mapping import is_immediate, map_status
from ilios.queue import jobs

# Prepared once: there may be a million rows.
_INSERT: Final[dict[type[Base], Insert]] = {
    model: insert(model) for model in (Batch, Call, Document, Job, PagePiece, PageRow)
}


@dataclass(slots=True)
class Adopted:
    """How much was imported."""

    documents: int = 0
    batches: int = 0
    calls: int = 0
    jobs_waiting: int = 0


def import_all(
    connection: Connection, source: Predecessor, settings: Settings, now: datetime
) -> Adopted:
    """Write everything of `source` into a database of ours that is empty.

    Raises DatabaseRefused, with its id, for a row that makes no sense.
    """
    with Session(connection) as session:
        session.execute(update(Instance).values(adopted_at=now))
        adopted = _Import(session, source, settings, now).run()
        session.commit()
    return adopted


class _Import:
    """One import, step by step."""

    def __init__(
        self, session: Session, source: Predecessor, settings: Settings, now: datetime
    ) -> None:
        self._session = session
        self._source = source
        self._settings = settings
        self._now = now
        self._keys = source.keys()
        self._batch_priorities: dict[str, int] = {}
        self._waiting: list[row_mapping.Columns] = []  #: arguments of queue.enqueue
        self._adopted = Adopted()

    def run(self) -> Adopted:
        for row in self._source.batches():
            with self._naming("batches", row):
                self._add_batch(row)
        for row in self._source.documents():
            with self._naming("documents", row):
                self._add_document(row)
        self._enqueue_waiting()
        for row in self._source.calls():
            with self._naming("usage", row):
                self._insert(Call, row_mapping.call(row, self._now))
            self._adopted.calls += 1
        return self._adopted

    def _add_batch(self, row: Any) -> None:
        batch = row_mapping.batch(row, self._now)
        self._insert(Batch, batch)
        self._batch_priorities[row["id"]] = batch["priority"]
        self._adopted.batches += 1

    def _add_document(self, row: Any) -> None:
        """Insert the document, its pages and its job; a waiting one is enqueued at the end."""
        metadata = value_mapping.metadata_of(row["metadata"])
        batch_id = self._batch_of(row)
        mapped = map_status(
            row, immediate=is_immediate(row, metadata), in_batch=batch_id is not None
        )
        markdown, warnings = row_mapping.result(row, metadata) if mapped.is_readable else ([], [])
        document = {
            **row_mapping.document(row, metadata, mapped, self._now),
            "error": value_mapping.without_keys(mapped.error, self._keys),
            "batch_id": batch_id,
            "warnings": warnings,
            "page_count": len(markdown) if mapped.is_readable else None,
            "pages_done": len(markdown),
        }
        self._insert(Document, document)
        if markdown:
            pages, further = row_mapping.pages(row["id"], markdown)
            self._insert(PageRow, pages)
            if further:
                self._insert(PagePiece, further)
        if mapped.status is DocumentStatus.PENDING:
            priority = self._batch_priorities.get(batch_id or "")
            self._waiting.append(
                row_mapping.enqueue_arguments(row, document, priority, self._settings)
            )
        elif row["job_id"] is not None:
            self._insert(Job, row_mapping.ended_job(row, document))
        self._adopted.documents += 1

    def _insert(
        self, model: type[Base], columns: row_mapping.Columns | list[row_mapping.Columns]
    ) -> None:
        self._session.connection().execute(_INSERT[model], columns)

    def _batch_of(self, row: Any) -> str | None:
        """Return the batch of a document, if it has one and that one was imported."""
        batch_id = row["batch_id"] if "batch_id" in row.keys() else None  # noqa: SIM118  # no dict
        return batch_id if batch_id in self._batch_priorities else None

    def _enqueue_waiting(self) -> None:
        """Enqueue the oldest first: a job's rank depends on when it was enqueued."""
        for order in sorted(self._waiting, key=lambda order: order["now"]):
            jobs.enqueue(self._session, **order)
        self._adopted.jobs_waiting = len(self._waiting)

    @contextmanager
    def _naming(self, table: str, row: Any) -> Iterator[None]:
        """Name the row in the error when it makes no sense."""
        try:
            yield
        except (ValueError, TypeError, AttributeError) as error:
            raise DatabaseRefused(
                f"{self._source.path} is a database of the predecessor, but row {row['id']} of "
                f"{table} cannot be adopted ({error}): correct or delete that row. "
                "Nothing was changed."
            ) from error
