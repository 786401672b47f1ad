"""The Mistral engine on the worker's side: plans documents and calls the provider."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

from ilios.core.conversion_errors import (
    ConversionError,
    DocumentTooLarge,
    ProviderUnavailable,
    SchemaDocumentTooLong,
    UnsupportedDocument,
)
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.engines import document_errors, document_info, passwords
from ilios.engines.base import Conversion, Keep, Mark, Options, Part, Plan, Progress, Source
from ilios.engines.detection import media_types
from ilios.engines.mistral import answer_checks, responses
from ilios.engines.mistral.client import Client, is_sent_inline
from ilios.engines.mistral.deadlines import Deadline
from ilios.engines.mistral.errors import SourceNotAccepted
from ilios.engines.mistral.files import ProviderFiles
from ilios.engines.mistral.inline_bytes import InlineBytes
from ilios.engines.page_selection import PageSelection
from ilios.engines.pdf_parts import PdfParts
from ilios.engines.schema_checks import WAIT_MAX_SECONDS, SchemaChecks

log = logs.get(__name__)

DOCUMENT_MAX_BYTES: Final = 50 * 10**6
DOCUMENT_MAX_PAGES: Final = 1_000
PLANNING_SECONDS: Final = 300  #: for counting and cutting a PDF; other jobs wait meanwhile
MAX_UPLOADS: Final = 2  #: the second after a refusal that a new upload may resolve
LAG_PAUSES_SECONDS: Final = (0.2, 0.5, 1.0, 1.5, 2.0)
"""Pauses between calls while an uploaded file is not visible yet."""


class MistralEngine:
    """Converts through the provider's OCR API; its answers are paid for."""

    name = "mistral"
    is_paid = True

    def __init__(self, settings: Settings, instance_id: str) -> None:
        self.concurrency = settings.worker_concurrency
        self._configured_model = settings.ocr_model
        self._call_deadline_seconds = settings.call_deadline_seconds
        self._pdfs = PdfParts(
            pages=min(settings.split_pages, DOCUMENT_MAX_PAGES),
            size_bytes=DOCUMENT_MAX_BYTES,
            memory_limit_bytes=settings.parser_memory_limit_bytes,
            deadline_seconds=min(PLANNING_SECONDS, settings.job_deadline_seconds),
            opening_limit_bytes=settings.large_parser_memory_limit_bytes,
        )
        self._schema_checks = SchemaChecks(
            settings.parser_memory_limit_bytes,
            min(WAIT_MAX_SECONDS, settings.job_deadline_seconds),
        )
        self._inline = InlineBytes()
        # One thread at a time: parsing an answer full of images takes several times its size in
        # memory, and two threads would not be faster than one.
        self._parsing = threading.Lock()
        self._client = Client(settings)
        self._files = ProviderFiles(self._client, instance_id, settings.call_deadline_seconds)

    @property
    def client(self) -> Client:
        """The client, for the batch lane."""
        return self._client

    def model(self, options: Options) -> str:
        return options.model or self._configured_model

    def plan(
        self,
        source: Source,
        pages: PageSelection | None,
        workspace: Path,
        *,
        in_one_call: bool = False,
    ) -> Plan:
        """Count and cut PDFs; every other document is one part. None is encrypted. See Engine."""
        if source.media_type == media_types.PDF:
            part_pages = DOCUMENT_MAX_PAGES if in_one_call else None
            plan = self._pdfs.plan(source, pages, workspace, part_pages)
            if plan is not None:
                if in_one_call and len(plan.parts) > 1:
                    raise _too_long(plan)
                return plan
            # The provider may read what PDFium cannot, but then only the whole file.
            if pages is not None or source.path.stat().st_size > DOCUMENT_MAX_BYTES:
                raise document_errors.corrupt("PDF")
        elif pages is not None:
            raise UnsupportedDocument(
                "`pages` can be selected of PDFs only. Send the document without `pages`."
            )
        if passwords.is_locked_office(source):
            source = self._pdfs.opened(source, workspace)
        info = document_info.of_container(source.path, source.media_type)
        return Plan(None, (Part(_within_limit(source), None, info),))

    def convert(
        self,
        part: Part,
        options: Options,
        workspace: Path,  # noqa: ARG002  # its answer is read later
        progress: Progress,  # noqa: ARG002  # a call reports no progress
        keep: Keep,
    ) -> bytes:
        """Call the provider for one part; see Engine."""
        self._client.require_key()
        return self._answer(part.source, options, keep)

    def read(
        self, answer: bytes, part: Part, options: Options, workspace: Path, mark: Mark
    ) -> Conversion:
        """Parse an answer; see Engine. Raises OutcomeUnknown when it cannot be parsed."""
        with self._parsing, mark():
            read = responses.conversion(answer, part, options, self.model(options), workspace)
        return answer_checks.checked(read, options, self._schema_checks)

    def stop(self, workspace: Path) -> None:
        """Stop the planning that goes on in a workspace; see Engine."""
        self._pdfs.stop(workspace)

    def sweep(self) -> int:
        """Delete left-over files; see Engine. Failures are logged, and the next sweep retries."""
        try:
            self._client.require_key()
        except ConversionError:
            return 0
        return self._files.sweep()

    def close(self) -> None:
        self._client.close()
        self._pdfs.close()
        self._schema_checks.close()

    def _answer(self, source: Source, options: Options, keep: Keep) -> bytes:
        if is_sent_inline(source.media_type):
            with self._inline.taken(source.path.stat().st_size) as is_inline:
                if is_inline:
                    model = self.model(options)
                    return self._client.ocr_inline(source, model, options, keep, self._deadline())
        return self._answer_by_file(source, options, keep)

    def _answer_by_file(self, source: Source, options: Options, keep: Keep) -> bytes:
        for upload in range(1, MAX_UPLOADS + 1):
            is_last = upload == MAX_UPLOADS
            with self._files.uploaded(source, self._deadline()) as file_id:
                try:
                    return self._answer_of_file(file_id, options, keep, is_last=is_last)
                except SourceNotAccepted as error:
                    # Corrupt, or gone: another user of the account who uploads the same bytes may
                    # get the same file, and delete it.
                    log.warning("provider_file.refused", upload=upload, reason=error.logged)
                    refusal = self._refusal(error, file_id) if is_last else error
        raise refusal

    def _refusal(self, refusal: SourceNotAccepted, file_id: str) -> ConversionError:
        """Return what a last refusal says: of a file that is gone, nothing about the document."""
        if refusal.is_missing or not self._client.has_file(file_id, self._deadline()):
            return ProviderUnavailable("Mistral does not find the file that it has just taken.")
        return refusal

    def _answer_of_file(
        self, file_id: str, options: Options, keep: Keep, *, is_last: bool
    ) -> bytes:
        # A deadline of its own: after a slow upload a call cut short would be billed for nothing.
        deadline = self._deadline()
        model = self.model(options)
        for pause_seconds in LAG_PAUSES_SECONDS:
            try:
                return self._client.ocr_file(file_id, model, options, keep, deadline)
            except SourceNotAccepted as error:
                if not (error.is_missing or is_last) or deadline.seconds_left() < pause_seconds:
                    raise
            time.sleep(pause_seconds)
        return self._client.ocr_file(file_id, model, options, keep, deadline)

    def _deadline(self) -> Deadline:
        return Deadline(self._call_deadline_seconds)


def _too_long(plan: Plan) -> SchemaDocumentTooLong:
    pages = sum(len(part.indexes or ()) for part in plan.parts)
    return SchemaDocumentTooLong(
        f"Fields by `schema` come from one call, and these {pages:,} pages need "
        f"{len(plan.parts)}: Mistral takes {DOCUMENT_MAX_PAGES:,} pages and "
        f"{DOCUMENT_MAX_BYTES // 10**6} MB in one. Nothing was charged: select `pages`, or leave "
        "`schema` out."
    )


def _within_limit(source: Source) -> Source:
    size_bytes = source.path.stat().st_size
    if size_bytes > DOCUMENT_MAX_BYTES:
        raise DocumentTooLarge(
            f"The document has {size_bytes / 10**6:.0f} MB; Mistral takes "
            f"{DOCUMENT_MAX_BYTES // 10**6} MB. Split or shrink it, or send it as PDF."
        )
    return source
