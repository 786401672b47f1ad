"""The input of a batch: documents are fetched, planned and written into lines.

It is built in portions: one input file each, of whole documents. A portion is uploaded, then
recorded together with the intents of its lines. So a step that dies leaves only portions that are
recorded as a whole; what it had not recorded is built again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from ilios.conversion.outcomes import log_document_completed
from ilios.conversion.provider_batches.context import BatchContext, Step
from ilios.conversion.provider_batches.records import Line
from ilios.core import ids
from ilios.core.backoff import delay_seconds
from ilios.core.conversion_errors import (
    ConversionError,
    EngineFailed,
    ParserCrashed,
    ProviderError,
    ProviderThrottled,
    ProviderUnavailable,
    StorageUnavailable,
)
from ilios.core.telemetry import logs
from ilios.db.models import CallState, Document, ProviderBatch
from ilios.documents.options import options_of, options_of_part
from ilios.documents.partial_results import Outcome
from ilios.engines import document_errors
from ilios.engines.base import Options, Part, Plan, Source
from ilios.engines.detection import media_types
from ilios.engines.mistral.batch.lines import InputFile, inline_bytes
from ilios.engines.page_selection import PageSelection
from ilios.queue import jobs

log = logs.get(__name__)

T = TypeVar("T")

INPUT_FILE_BYTES: Final = 400 * 10**6  #: at most; the provider takes files of 512 MB
INLINE_MAX_BYTES: Final = 6 * 10**6  #: of a document in a line, in base64
FULL_BYTES: Final = 300 * 10**6  #: then the next document begins a new input file
SINGLE_PAGES_MAX: Final = 100
"""Pages of a document that get a line each, when one of a refused line is looked for."""
UPLOAD_ATTEMPTS: Final = 5
UPLOAD_PAUSE_SECONDS: Final = 1.0  #: doubles with each attempt, unless the provider says more
UPLOAD_PAUSE_MAX_SECONDS: Final = 30.0
PLAN_BROKE: Final = EngineFailed(
    "The engine broke on this document before it was sent; the log has the cause."
)


@dataclass(slots=True)
class InputPortion:
    """An input file that is being written."""

    input: InputFile
    lines: list[Line] = field(default_factory=list)
    file_ids: list[str] = field(default_factory=list)  #: documents that its lines name

    def too_large(self, parts: list[Part]) -> list[Part]:
        """Return the parts of a document that do not fit into a line."""
        left_bytes, found = INPUT_FILE_BYTES - self.input.size_bytes, []
        for part in parts:
            size_bytes = inline_bytes(part.source)
            if size_bytes <= min(left_bytes, INLINE_MAX_BYTES):
                left_bytes -= size_bytes
            else:
                found.append(part)
        return found


class InputBuilder:
    """One step's work on the input of a round."""

    def __init__(self, context: BatchContext, step: Step, batch: ProviderBatch) -> None:
        self._context = context
        self._step = step
        self._batch = batch

    def build(self) -> bool:
        """Go on where the last step has stopped; return whether the input is complete."""
        portion = self._new_portion()
        for document in self._waiting():
            self._add(portion, document)
            if portion.input.size_bytes >= FULL_BYTES or self._step.is_over:
                self._upload_input(portion)
                portion = self._new_portion()
            if self._step.is_over:
                return False
        self._upload_input(portion)
        self._step.records.close_input()
        return True

    def _waiting(self) -> list[Document]:
        """Return the documents that have no recorded line in this round."""
        calls = self._step.records.calls()
        covered = {call.document_id for call in calls if call.state is CallState.OPEN}
        return [one for one in self._step.records.open_documents() if one.id not in covered]

    def _new_portion(self) -> InputPortion:
        return InputPortion(InputFile(self._step.workspace / f"{ids.new_id()}.jsonl"))

    def _add(self, portion: InputPortion, document: Document) -> None:
        """Write a document's lines, or fail it for a fault of its own."""
        folder = self._step.workspace / document.id
        folder.mkdir()
        try:
            parts = self._parts(document, folder)
            if not parts:
                self._step.records.end_document(document.id)
            else:
                options, engine = self._step.records.options(document), self._context.engine
                self._context.recorder.approve(document, options, engine, parts, batch=True)
                self._write(portion, document, options, parts)
        except (ProviderError, StorageUnavailable):
            raise
        except ConversionError as error:
            self._fail(document, error)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _fail(self, document: Document, error: ConversionError) -> None:
        if self._step.records.fail_document(document.id, error) is Outcome.COMPLETED:
            log_document_completed(document.id)
            return
        log.warning(
            "batch.document_failed",
            batch_id=self._batch.id,
            document_id=document.id,
            code=error.code,
            reason=error.logged,
        )

    def _parts(self, document: Document, folder: Path) -> list[Part]:
        """Return what is left to convert of a document, as files; nothing when all is stored."""
        source = self._context.sources.of(document, folder / "source")
        self._context.store.fetch(document.storage_key, source.path)
        options = options_of(document)
        plan = self._plan(source, options, folder)
        done = self._step.records.ended_pages(document.id)
        if not done and not self._is_to_be_divided(document):
            return list(plan.parts)
        wanted = [index for part in plan.parts for index in part.indexes or ()]
        left = [index for index in wanted if index not in done]
        if not left:
            return []
        if len(left) <= SINGLE_PAGES_MAX and self._is_to_be_divided(document):
            pages = [PageSelection.of_indexes([index]) for index in left]
        else:
            pages = [PageSelection.of_indexes(left)]
        plans = [self._plan(source, replace(options, pages=page), folder) for page in pages]
        return [part for plan in plans for part in plan.parts]

    def _is_to_be_divided(self, document: Document) -> bool:
        """Return whether a page of it was refused together with others, and may be missing."""
        return options_of(document).may_be_divided and any(
            call.document_id == document.id
            and call.state is CallState.REFUSED
            and call.expected_pages > 1
            for call in self._step.records.calls()
        )

    def _plan(self, source: Source, options: Options, folder: Path) -> Plan:
        """Plan a document; one that breaks its parser, or the engine, is tried twice."""
        for attempt in range(1, jobs.MAX_CRASHES + 1):
            workspace = folder / ids.new_id()
            workspace.mkdir()
            try:
                return self._context.engine.plan(
                    source, options.pages, workspace, in_one_call=options.goes_in_one_call
                )
            except ParserCrashed as error:
                fault: ConversionError = document_errors.poison(attempt, error)
            except (ConversionError, OSError):
                raise
            except Exception:
                log.exception("batch.plan_broke", batch_id=self._batch.id)
                fault = PLAN_BROKE
        raise fault

    def _write(
        self, portion: InputPortion, document: Document, options: Options, parts: list[Part]
    ) -> None:
        # What can fail comes first, so that a document has all of its lines, or none.
        uploaded = {part: self._uploaded(part.source) for part in portion.too_large(parts)}
        for part in parts:
            asked = options_of_part(options, document, part)
            line = Line(ids.new_id(), document, part.indexes, part.info, options.is_annotated)
            if part in uploaded:
                portion.input.add_uploaded(line.call_id, uploaded[part], asked)
            else:
                portion.input.add(line.call_id, part.source, asked)
            portion.lines.append(line)
        portion.file_ids += uploaded.values()

    def _upload_input(self, portion: InputPortion) -> None:
        if not portion.lines:
            return
        path = portion.input.path
        try:
            input_id = self._with_retries(
                lambda: self._context.lane.files.upload(self._batch.id, path, "batch", path.suffix)
            )
        except ProviderError:
            raise
        except ConversionError as error:  # the provider refuses the file
            for line in portion.lines:
                self._fail(line.document, error)
        else:
            self._step.records.record_input(input_id, portion.file_ids, portion.lines)
            log.info("batch.input_uploaded", batch_id=self._batch.id, lines=len(portion.lines))
        path.unlink()

    def _uploaded(self, source: Source) -> str:
        suffix = media_types.EXTENSIONS.get(source.media_type, "")
        return self._with_retries(
            lambda: self._context.lane.files.upload(self._batch.id, source.path, "ocr", suffix)
        )

    def _with_retries(self, upload: Callable[[], T]) -> T:
        """Repeat a failed upload: a portion has many, and a failed one must not cost the others."""
        for attempt in range(1, UPLOAD_ATTEMPTS):
            try:
                return upload()
            except (ProviderThrottled, ProviderUnavailable) as error:
                asked = error.retry_after_seconds if isinstance(error, ProviderThrottled) else None
            time.sleep(upload_pause(attempt, asked))
        return upload()


def upload_pause(attempt: int, asked_seconds: float | None = None) -> float:
    """Return the seconds after a failed attempt, counted from 1: 1, 2, 4 …, or what is asked for.

    At most UPLOAD_PAUSE_MAX_SECONDS, whatever the provider asks for.
    """
    if asked_seconds:
        return min(asked_seconds, UPLOAD_PAUSE_MAX_SECONDS)
    return delay_seconds(attempt - 1, UPLOAD_PAUSE_SECONDS, UPLOAD_PAUSE_MAX_SECONDS)
