"""The embedded engine without a service: files are opened by parser children here too.

What a service would store is what its engine returns: a result has the same bytes, but that images
are called by their names, or lie beside the file, where a service links to itself.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ilios.core import conversion_limits
from ilios.core.conversion_errors import EncryptedDocument
from ilios.core.result_forms import TEXT
from ilios.core.telemetry import logs
from ilios.core.telemetry.logs import LogConfig
from ilios.engines.base import Conversion, Options, Page, Part, Progress, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.engine import EmbeddedEngine
from ilios.engines.image_references import addressed
from ilios.engines.page_selection import PageSelection
from ilios.engines.page_text import PAGE_BREAK, TEXT_PAGE_BREAK
from ilios.local.converter import PASSWORD_HINT, NotConverted, Order
from ilios.local.inputs import Document
from ilios.local.outputs import ImageFolder

if TYPE_CHECKING:  # loads settings, Werkzeug and TLS, which files do not need
    from ilios.local.fetching import Fetches

FETCHED: Final = "fetched"  #: in the workspace of a conversion
QUIET: Final = LogConfig("convert", "console", "CRITICAL")
"""The run says in one line what became of a document; children log to the same place."""


@dataclass(frozen=True, slots=True)
class _Limits:
    """Those of a service that has no settings: the environment's may be wrong here."""

    data_folder: Path
    job_deadline_seconds: int = conversion_limits.JOB_SECONDS
    parser_memory_limit_bytes: int = conversion_limits.PARSER_MEMORY_BYTES
    large_parser_memory_limit_bytes: int = conversion_limits.LARGE_PARSER_MEMORY_BYTES
    worker_memory_limit_bytes: int = conversion_limits.WORKER_MEMORY_BYTES


def log_crashes_only() -> None:
    """Log nothing else in this process, the command's, and in its children, to standard error."""
    logs.apply(QUIET, sys.stderr)


class InProcess:
    """Converts so many documents at once, each in a parser child; close it.

    Documents at addresses are fetched first. `url_allow` is what URL_ALLOW is to a service. Several
    on one machine share its `cores`, and by a folder `turns` the place for documents that need much
    memory. Temporary files lie in `folder`; None for that of the system.
    """

    def __init__(
        self,
        concurrency: int,
        url_allow: str = "",
        *,
        cores: int | None = None,
        turns: Path | None = None,
        folder: Path | None = None,
    ) -> None:
        self.concurrency = concurrency
        self._folder = tempfile.TemporaryDirectory(prefix="ilios-", dir=folder)
        limits = _Limits(turns or Path(self._folder.name))
        self._engine = EmbeddedEngine(limits, parsers=concurrency, cores=cores)
        self._url_allow = url_allow
        self._running: dict[Path, Document] = {}
        self._is_stopped = False

    def convert(
        self, document: Document, order: Order, images: ImageFolder | None
    ) -> Sequence[bytes]:
        """Return a result; see Converter."""
        try:
            with self.converted(document, order.pages, password=order.password) as conversion:
                if images is not None:
                    _keep(conversion, images)
                return [piece.encode() for piece in _pieces(conversion, order.form, images)]
        except EncryptedDocument as error:
            raise NotConverted(f"{error.detail} {PASSWORD_HINT}") from error

    @contextmanager
    def converted(
        self,
        document: Document,
        pages: str | None,
        progress: Progress | None = None,
        password: str | None = None,
    ) -> Iterator[Conversion]:
        """Convert a document; its images are there within. Raises as `convert` does."""
        options = Options(PageSelection.parse(pages) if pages else None)
        with tempfile.TemporaryDirectory(dir=self._folder.name) as name:
            workspace = Path(name)
            self._running[workspace] = document

            def page_done(done: int, total: int) -> None:
                self._require_going_on(workspace)
                if progress is not None:
                    progress(done, total)

            try:
                self._require_going_on(workspace)  # behind the line above: a stop looks at it
                part = Part(self._source(document, workspace, password), None)
                yield self._engine.convert(part, options, workspace, page_done, lambda _: None)
            finally:
                self._running.pop(workspace, None)

    def stop(self) -> None:
        self._is_stopped = True
        for workspace in tuple(self._running):
            self._engine.stop(workspace)

    def stop_one(self, document: Document) -> None:
        """Let the conversion of this very document end soon, if it runs; for another thread."""
        for workspace, running in self._running.copy().items():
            if running is document:
                self._running.pop(workspace, None)
                self._engine.stop(workspace)

    def _source(self, document: Document, workspace: Path, password: str | None) -> Source:
        """Return a document as a file with its type. Raises IliosError, OSError."""
        path, name = document.path, document.name
        if document.url is not None:
            path = workspace / FETCHED
            is_wanted = partial(self._goes_on, workspace)
            name = self._fetches.fetch(document.url, name, path, is_wanted)
            self._require_going_on(workspace)
        if path is None:
            raise TypeError("a document that is nowhere")
        with path.open("rb") as file:
            return Source(path, media_types.sniff(file, name), name, password)

    @cached_property
    def _fetches(self) -> Fetches:
        from ilios.local.fetching import Fetches

        return Fetches(self._url_allow)

    def _goes_on(self, workspace: Path) -> bool:
        return not self._is_stopped and workspace in self._running

    def _require_going_on(self, workspace: Path) -> None:
        """Raise NotConverted once it is stopped; a child that had not begun then is not killed."""
        if not self._goes_on(workspace):
            raise NotConverted("It was interrupted.")

    def close(self) -> None:
        self._engine.close()
        self._folder.cleanup()


def _keep(conversion: Conversion, images: ImageFolder) -> None:
    for page in conversion.pages:
        for image in page.images:
            with image.path.open("rb") as file:
                images.keep(image.name, file)


def _pieces(conversion: Conversion, form: str, images: ImageFolder | None) -> Iterator[str]:
    for place, page in enumerate(conversion.pages):
        if form == TEXT:
            from ilios.engines.text_pieces import plain_pieces

            yield TEXT_PAGE_BREAK if place else ""
            yield from plain_pieces(page.pieces())
        else:
            yield PAGE_BREAK if place else ""
            yield from _linked(page, images) if images else page.pieces()


def _linked(page: Page, images: ImageFolder) -> Iterator[str]:
    names = frozenset(image.name for image in page.images)
    return addressed(page.pieces(), names, lambda name: (images.link(name),))
