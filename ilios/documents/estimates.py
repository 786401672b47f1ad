"""Estimates of what a conversion would cost; pages are counted in a parser child."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ilios.core import data_folder
from ilios.core.conversion_errors import DeadlineExceeded
from ilios.core.request_errors import Busy
from ilios.core.settings import Settings
from ilios.documents.options import tariff_of
from ilios.documents.uploads import Received
from ilios.documents.validation import COUNTED_ALIKE, accepted_type
from ilios.engines import registry
from ilios.engines.base import Options, Source
from ilios.engines.embedded import counting
from ilios.engines.parser_process import ParserProcess

COUNT_SECONDS = 30.0  #: for one document
WAIT_SECONDS = 20.0  #: for the documents that are counted before


@dataclass(frozen=True, slots=True)
class Estimate:
    """`pages` would be charged, of `pages_total`; the cost includes the margin."""

    pages: int
    pages_total: int
    pages_are_estimated: bool
    engine: str
    model: str
    cost_micros: int


class Estimates:
    """Estimates costs; the parser child starts with the first document."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._scratch = data_folder.uploads(settings)
        self._parser = ParserProcess(counting.answer, settings.worker_memory_limit_bytes)
        self._turn = threading.Lock()

    def estimate(self, file: Received, options: Options, *, provider_batch: bool) -> Estimate:
        """Return what converting this file would cost without a duplicate's result.

        Raises EmptyFile, UnsupportedType, OptionUnavailable, Busy, and ConversionError for a
        document that cannot be read or has no such pages.
        """
        media_type = accepted_type(file, options, self._settings)
        engine = registry.lane_of(media_type, self._settings)
        source = Source(file.path, media_type, file.file_name)
        total = self._count(source)
        pages = len(options.pages.indexes(total)) if options.pages else total
        tariff = tariff_of(options, engine, self._settings, is_batch=provider_batch)
        is_rough = tariff.is_paid and media_type not in COUNTED_ALIKE
        cost_micros = tariff.charge(pages).total_micros
        return Estimate(pages, total, is_rough, engine, tariff.model, cost_micros)

    def close(self) -> None:
        """End the parser child."""
        self._parser.close()

    def _count(self, source: Source) -> int:
        with self._exclusively(), tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            task = counting.task(source, Path(folder))
            try:
                (answer,) = self._parser.run(task, COUNT_SECONDS)
            except DeadlineExceeded as error:
                raise DeadlineExceeded(
                    f"Its pages could not be counted within {COUNT_SECONDS:.0f} s. "
                    "It may still be converted."
                ) from error
        return counting.pages(answer)

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=WAIT_SECONDS):
            raise Busy("Other documents are still being counted. Try again.")
        try:
            yield
        finally:
            self._turn.release()
