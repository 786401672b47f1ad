"""Temporary files of the data folder whose process or document is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from ilios.core import data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, ProviderBatch, ProviderBatchState
from ilios.storage.answer_spool import RESULTS_SUFFIX, AnswerSpool
from ilios.storage.object_spool import SPOOL_MAX_AGE
from ilios.storage.page_image_cache import CACHE_MAX_AGE, PageImageCache

MIN_AGE: Final = timedelta(hours=24)  #: no process uses a temporary file this old


class TemporaryFiles:
    """Finds what killed processes left of uploads, and what no job waits for."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._uploads = data_folder.uploads(settings)
        self._spool = data_folder.spool(settings)
        self._disk_reserve = DiskReserve(settings)
        self._page_images = PageImageCache(settings)
        self._answers = data_folder.answers(settings)
        self._database = database

    def found(self, now: datetime) -> Iterator[Path]:
        """Yield the files that may be removed."""
        yield from _older_than(now - MIN_AGE, self._uploads)
        spool_age = timedelta() if self._disk_reserve.fault() else SPOOL_MAX_AGE
        yield from _older_than(now - spool_age, self._spool)
        yield from self._page_images_out_of_use(now)
        with self._database.reading() as session:
            yield from self._results_of_ended_batches(session)
            yield from self._answers_for_deleted_documents(session)

    def remove(self, now: datetime) -> int:
        """Remove the files; return how many."""
        found = list(self.found(now))
        for path in found:
            path.unlink(missing_ok=True)
        self._page_images.remove_empty_folders()
        return len(found)

    def _page_images_out_of_use(self, now: datetime) -> Iterator[Path]:
        age = timedelta() if self._disk_reserve.fault() else CACHE_MAX_AGE
        for image in self._page_images.images():
            if image.used_at < (now - age).timestamp():
                yield image.path

    def _results_of_ended_batches(self, session: Session) -> Iterator[Path]:
        for path in self._answers.glob(f"*{RESULTS_SUFFIX}"):
            batch = session.get(ProviderBatch, path.name.partition("-")[0])
            if batch is None or batch.state is ProviderBatchState.ENDED:
                yield path

    def _answers_for_deleted_documents(self, session: Session) -> Iterator[Path]:
        """Yield answers of an engine that is not used any more: workers soon record the others."""
        for kept in AnswerSpool(self._answers).older_than(MIN_AGE.total_seconds()):
            document = session.get(Document, kept.call.document_id)
            if document is not None and document.status is DocumentStatus.DELETED:
                yield Path(kept.path)


def _older_than(moment: datetime, folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # its process has moved it meanwhile
            if path.stat().st_mtime < moment.timestamp():
                yield path
