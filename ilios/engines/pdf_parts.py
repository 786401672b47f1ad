"""Cutting PDFs into parts before conversion: the worker's side, which lets a parser child do it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ilios.core.conversion_errors import ConversionError
from ilios.engines import parser_process
from ilios.engines.base import Part, Plan, Source
from ilios.engines.page_selection import PageSelection
from ilios.engines.parser_pool import ParserPool
from ilios.engines.parser_process import Message


class PdfParts:
    """Plans the conversion of PDFs in parts of at most `pages` pages and `size_bytes` bytes."""

    def __init__(
        self, *, pages: int, size_bytes: int, memory_limit_bytes: int, deadline_seconds: float
    ) -> None:
        self._pages = pages
        self._size_bytes = size_bytes
        self._deadline_seconds = deadline_seconds
        self._parsers = ParserPool(answer, memory_limit_bytes)

    def plan(self, source: Source, selection: PageSelection | None, folder: Path) -> Plan | None:
        """Count a PDF and cut it if need be; None when PDFium cannot read the file.

        Raises EncryptedDocument, EmptyDocument, PagesOutOfRange, DocumentTooLarge …
        """
        page_count: int | None = None
        parts: list[Part] = []
        error: ConversionError | None = None
        task = self._task(source, selection, folder)
        with closing(self._parsers.run(task, self._deadline_seconds, str(folder))) as answers:
            for message in answers:
                match message["type"]:
                    case "pages":
                        page_count = message["count"]
                    case "part":
                        parts.append(_part(message, source))
                    case parser_process.END:
                        page_count = self._whole(message)
                        parts = [Part(source, tuple(range(page_count)))]
                    case "unreadable":
                        page_count = None
                error = parser_process.error_of(message)
        if error is not None:
            raise error
        return None if page_count is None else Plan(page_count, tuple(parts))

    def _whole(self, message: Message) -> int:
        """Return how many pages a PDF has that need not be cut."""
        count = message.get("whole")
        if not isinstance(count, int) or not 0 < count <= self._pages:
            raise parser_process.no_answer()
        return count

    def stop(self, folder: Path) -> None:
        """Kill the parser child that cuts into this folder, if any."""
        self._parsers.stop(str(folder))

    def close(self) -> None:
        self._parsers.close()

    def _task(self, source: Source, selection: PageSelection | None, folder: Path) -> Message:
        return {
            "path": str(source.path),
            "selection": str(selection) if selection else None,
            "folder": str(folder),
            "pages": self._pages,
            "sizeBytes": self._size_bytes,
        }


def answer(task: Message) -> Iterator[Message]:
    """Count one PDF and cut it part by part, in the child."""
    yield from parser_process.with_errors(_cut(task))


def _cut(task: Message) -> Iterator[Message]:
    # Opens untrusted files: imported in the child only.
    from ilios.engines import pdf_cutting
    from ilios.engines.pdf_opening import UnreadablePdf

    selection = PageSelection.parse(task["selection"]) if task["selection"] else None
    limits = pdf_cutting.PartLimits(task["pages"], task["sizeBytes"])
    try:
        count, files = pdf_cutting.cut(Path(task["path"]), selection, Path(task["folder"]), limits)
        if files is None:
            yield {"type": parser_process.END, "whole": count}
            return
        yield {"type": "pages", "count": count}
        for file in files:
            yield {"type": "part", "path": str(file.path), "indexes": file.indexes}
    except UnreadablePdf:
        yield {"type": "unreadable"}


def _part(message: Message, source: Source) -> Part:
    file = Source(Path(message["path"]), source.media_type, source.file_name)
    return Part(file, tuple(message["indexes"]))
