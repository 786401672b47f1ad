"""The embedded engine on the worker's side: passes each document to a parser child."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from ilios.core import data_folder
from ilios.core.conversion_errors import ConversionError, EngineFailed, OutOfMemory
from ilios.core.platform import cpu_count
from ilios.core.telemetry import logs
from ilios.engines import parser_messages
from ilios.engines.base import (
    Conversion,
    Keep,
    Mark,
    Options,
    Part,
    Plan,
    Progress,
    Source,
    Usage,
)
from ilios.engines.embedded.page_receiver import PageReceiver
from ilios.engines.embedded.parsing import answer
from ilios.engines.large_parser import LargeParser
from ilios.engines.page_selection import PageSelection
from ilios.engines.parser_messages import Message
from ilios.engines.parser_pool import GUEST_PARSERS, PARSERS, ParserPool

log = logs.get(__name__)

MODEL = "embedded"
RECOGNITION_BYTES: Final = 768 * 1024**2
"""Of a parser that draws or recognises pages: enough for a page of A3.

The one for documents that need more gets WORKER_MEMORY_LIMIT_BYTES.
"""


class Limits(Protocol):
    """What the engine takes of the settings."""

    @property
    def data_folder(self) -> Path: ...
    @property
    def job_deadline_seconds(self) -> int: ...
    @property
    def parser_memory_limit_bytes(self) -> int: ...
    @property
    def large_parser_memory_limit_bytes(self) -> int: ...
    @property
    def worker_memory_limit_bytes(self) -> int: ...


class EmbeddedEngine:
    """Converts on this machine, one document at a time and a guest's: OCR uses all cores."""

    name = "embedded"
    is_paid = False
    concurrency = PARSERS

    def __init__(
        self, settings: Limits, *, parsers: int | None = None, cores: int | None = None
    ) -> None:
        """Let so many documents share the cores; None for one, which has all, and a guest's.

        `cores` is how many there are for them; None for all of the machine.
        """
        self._deadline_seconds = settings.job_deadline_seconds
        self._threads = max(1, (cores or cpu_count()) // (parsers or PARSERS))
        self._parsers = ParserPool(
            answer,
            min(settings.worker_memory_limit_bytes, RECOGNITION_BYTES),
            first_limit_bytes=settings.parser_memory_limit_bytes,
            awaits_guests=parsers is None,
            start_niceness=0,
            parsers=parsers or PARSERS + GUEST_PARSERS,
        )
        self._large_parser = LargeParser(
            answer,
            settings.worker_memory_limit_bytes,
            settings.large_parser_memory_limit_bytes,
            data_folder.large_parser_lock(settings.data_folder),
        )

    def model(self, options: Options) -> str:  # noqa: ARG002  # there is only one
        return MODEL

    def plan(
        self,
        source: Source,
        pages: PageSelection | None,  # noqa: ARG002  # `convert` reads them from its options
        workspace: Path,  # noqa: ARG002
        *,
        in_one_call: bool = False,  # noqa: ARG002  # it always does
    ) -> Plan:
        """Return the whole document as one part; its pages are counted during conversion."""
        return Plan(None, (Part(source, None),))

    def convert(
        self,
        part: Part,
        options: Options,
        workspace: Path,
        progress: Progress,
        keep: Keep,  # noqa: ARG002  # a free conversion is repeated instead
    ) -> Conversion:
        """Convert in the parser child; see Engine."""
        task, name = _task(part.source, options, workspace, self._threads), str(workspace)
        until = time.monotonic() + self._deadline_seconds
        try:
            received = _received(
                self._parsers.run(task, self._deadline_seconds, name), workspace, progress
            )
        except OutOfMemory:
            log.info("parser.out_of_memory")
            received = _received(self._large_parser.run(task, until, name), workspace, progress)
        pages = tuple(received.pages)
        if len(pages) != received.selected:
            raise EngineFailed(f"{received.selected} pages went in, but {len(pages)} came out.")
        usage = Usage(pages=len(pages), model=MODEL)
        return Conversion(pages, usage, info=received.info)

    def read(
        self, answer: bytes, part: Part, options: Options, workspace: Path, mark: Mark
    ) -> Conversion:
        raise NotImplementedError("an engine that is not paid keeps no answers")

    def stop(self, workspace: Path) -> None:
        """Kill the parser child that works for this workspace, if any; see Engine."""
        self._parsers.stop(str(workspace))
        self._large_parser.stop(str(workspace))

    def sweep(self) -> int:
        return 0

    def close(self) -> None:
        self._parsers.close()


def _received(
    answers: Generator[Message, None, None], workspace: Path, progress: Progress
) -> PageReceiver:
    """Take all answers of a parser. Raises the error that it sends."""
    received = PageReceiver(workspace)
    error: ConversionError | None = None
    with closing(answers):
        for message in answers:
            received.take(message)
            error = parser_messages.error_of(message)
            if isinstance(error, OutOfMemory):
                break  # ends the child, which frees what it has taken
            progress(len(received.pages), received.selected)
    if error is not None:
        raise error
    return received


def _task(source: Source, options: Options, workspace: Path, threads: int) -> Message:
    return {
        "path": str(source.path),
        "mediaType": source.media_type,
        "fileName": source.file_name,
        "pages": str(options.pages) if options.pages else None,
        "workspace": str(workspace),
        "threads": threads,
        "password": source.password,
    }
