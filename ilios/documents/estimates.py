"""Estimates of what a conversion would cost; pages are counted in a parser child."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from ilios.core import computing, data_folder
from ilios.core.conversion_errors import DeadlineExceeded
from ilios.core.settings import Settings
from ilios.documents.options import tariff_of
from ilios.documents.parser_places import ParserPlaces
from ilios.documents.uploads import Received
from ilios.documents.validation import COUNTED_ALIKE, accepted_type
from ilios.engines import registry
from ilios.engines.base import Options, Source
from ilios.engines.embedded import counting
from ilios.engines.parser_pool import ParserPool

COUNT_SECONDS = 15.0  #: for one document


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
    """Estimates costs; parser children start with the documents that need them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._scratch = data_folder.uploads(settings)
        self._parsers = ParserPool(counting.answer, settings.parser_memory_limit_bytes)
        self._places = ParserPlaces("The pages of other documents have been counted")

    def estimate(
        self,
        owner: str,
        file: Received,
        options: Options,
        *,
        provider_batch: bool,
        password: str | None = None,
    ) -> Estimate:
        """Return what converting this file would cost its owner without a duplicate's result.

        Raises EmptyFile, UnsupportedType, OptionUnavailable, Busy, and ConversionError for a
        document that cannot be read or has no such pages.
        """
        media_type = accepted_type(file, options, self._settings)
        engine = registry.lane_of(media_type, self._settings)
        source = Source(file.path, media_type, file.file_name, password)
        total = self._count(owner, source)
        pages = len(options.pages.indexes(total)) if options.pages else total
        tariff = tariff_of(options, engine, self._settings, is_batch=provider_batch)
        is_rough = tariff.is_paid and media_type not in COUNTED_ALIKE
        cost_micros = tariff.charge(pages).total_micros
        return Estimate(pages, total, is_rough, engine, tariff.model, cost_micros)

    def close(self) -> None:
        """End the parser children."""
        self._parsers.close()

    def _count(self, owner: str, source: Source) -> int:
        with (
            computing.waiting(),
            self._places.held(owner),
            tempfile.TemporaryDirectory(dir=self._scratch) as folder,
        ):
            task = counting.task(source, Path(folder))
            try:
                (answer,) = self._parsers.run(task, COUNT_SECONDS)
            except DeadlineExceeded as error:
                raise DeadlineExceeded(
                    f"Its pages could not be counted within {COUNT_SECONDS:.0f} s. "
                    "It may still be converted."
                ) from error
        return counting.pages(answer)
