"""What an engine's answer holds: its pages, the room that they take, and those that it left out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ilios.core.conversion_errors import PoisonDocument
from ilios.engines.base import Conversion, Engine, Mark, Options, Page, Part, Source
from ilios.storage.answer_spool import CallRecord

_NO_FILE: Final = Source(Path(), "application/octet-stream", "answer")
"""In place of the document: the answer to a call is read without it."""
STORED_COPIES: Final = 2  #: of a result that is committed: one goes through the write-ahead log
UTF8_MAX_BYTES: Final = 4  #: of one character


def read_answer(
    engine: Engine,
    call: CallRecord,
    answer: bytes,
    options: Options,
    workspace: Path,
    mark: Mark,
) -> Conversion:
    """Make pages of the bytes that the provider answered with; the document may be gone.

    Raises OutcomeUnknown for an answer that cannot be read.
    """
    return engine.read(answer, Part(_NO_FILE, call.indexes), options, workspace, mark)


def poison_answer(deaths: int) -> PoisonDocument:
    """Return the error of a document whose answer has ended so many processes that read it."""
    return PoisonDocument(
        f"The process that read the provider's answer for this document died {deaths} times. "
        "What the call cost is not known."
    )


def missing_pages(call: CallRecord, conversion: Conversion) -> str | None:
    """Return what did not come of what was asked for, as a sentence; None when everything came."""
    came = {page.index for page in conversion.pages}
    if call.indexes is None:
        return None if came else "The provider answered without a single page."
    missing = [index + 1 for index in call.indexes if index not in came]
    if not missing:
        return None
    return (
        f"The provider left out {len(missing)} of {len(call.indexes)} pages "
        f"(the first is page {missing[0]})."
    )


def stored_bytes(conversion: Conversion) -> int:
    """Return at most how many bytes the pages take on the disk while they are committed."""
    extraction_bytes = _text_bytes(conversion.extraction or "")
    return STORED_COPIES * (extraction_bytes + sum(map(_page_bytes, conversion.pages)))


def _page_bytes(page: Page) -> int:
    held = [page.details or ""]
    if page.layout is not None:
        held += page.layout.texts
    if page.words is not None:
        held += page.words.texts
    if page.spooled is None:
        held.append(page.markdown)
    spooled_bytes = 0 if page.spooled is None else page.spooled.size_bytes
    return spooled_bytes + sum(map(_text_bytes, held))


def _text_bytes(text: str) -> int:
    return len(text) * (1 if text.isascii() else UTF8_MAX_BYTES)
