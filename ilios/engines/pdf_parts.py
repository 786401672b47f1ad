"""What a PDF is cut into before it is converted; a parser child opens it and cuts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ilios.core.conversion_errors import ConversionError
from ilios.engines import parser_process
from ilios.engines.base import Part, Plan, Source
from ilios.engines.page_selection import PageSelection
from ilios.engines.parser_process import Message, Parser


class PdfParts:
    """Plans for PDFs, within the pages and bytes that one call takes."""

    def __init__(
        self, *, pages: int, size_bytes: int, memory_limit_bytes: int, deadline_seconds: float
    ) -> None:
        self._pages = pages
        self._size_bytes = size_bytes
        self._deadline_seconds = deadline_seconds
        self._parser = Parser(answer, memory_limit_bytes)

    def plan(self, source: Source, selection: PageSelection | None, folder: Path) -> Plan | None:
        """Count a PDF and cut it if need be; None when PDFium makes nothing of the file.

        Raises EncryptedDocument, EmptyDocument, PagesOutOfRange, DocumentTooLarge …
        """
        page_count: int | None = None
        parts: list[Part] = []
        error: ConversionError | None = None
        task = self._task(source, selection, folder)
        with closing(self._parser.run(task, self._deadline_seconds, str(folder))) as answers:
            for message in answers:
                match message["type"]:
                    case "pages":
                        page_count = message["count"]
                    case "piece":
                        parts.append(_part(message, source))
                    case "unreadable":
                        page_count = None
                error = parser_process.error_of(message)
        if error is not None:
            raise error
        return None if page_count is None else Plan(page_count, tuple(parts))

    def stop(self, folder: Path) -> None:
        """Break off what is being cut into this folder, if anything."""
        self._parser.stop(str(folder))

    def close(self) -> None:
        self._parser.close()

    def _task(self, source: Source, selection: PageSelection | None, folder: Path) -> Message:
        return {
            "path": str(source.path),
            "selection": str(selection) if selection else None,
            "folder": str(folder),
            "pages": self._pages,
            "sizeBytes": self._size_bytes,
        }


def answer(task: Message) -> Iterator[Message]:
    """The child's side: count one PDF, and cut it piece by piece."""
    yield from parser_process.told(_cut(task))


def _cut(task: Message) -> Iterator[Message]:
    # Meant for strangers' files: imported in the child only.
    from ilios.engines import pdf_cutting

    selection = PageSelection.parse(task["selection"]) if task["selection"] else None
    limits = pdf_cutting.Limits(task["pages"], task["sizeBytes"])
    try:
        count, pieces = pdf_cutting.pieces(
            Path(task["path"]), selection, Path(task["folder"]), limits
        )
        yield {"type": "pages", "count": count}
        for piece in pieces:
            yield {"type": "piece", "path": str(piece.path), "indexes": piece.indexes}
    except pdf_cutting.UnreadablePdf:
        yield {"type": "unreadable"}


def _part(message: Message, source: Source) -> Part:
    piece = Source(Path(message["path"]), source.media_type, source.file_name)
    return Part(piece, tuple(message["indexes"]))
