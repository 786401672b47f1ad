"""Opening and cutting documents before they are sent: a parser child does it for the worker."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Final

from ilios.core.conversion_errors import ConversionError
from ilios.engines import document_info, parser_messages, pdf_planning
from ilios.engines.base import DocumentInfo, Part, Plan, Source
from ilios.engines.page_selection import PageSelection
from ilios.engines.parser_messages import Message
from ilios.engines.parser_pool import ParserPool

OPENED: Final = "opened"  #: an Office file in a workspace, without its password
_PAGES_MAX: Final = 2**31 - 1  #: PDFium counts no further
_TOLD: Final = ("title", "author", "created", "modified", "language", "producer")


class PdfParts:
    """Plans the conversion of PDFs in parts of at most `pages` pages and `size_bytes` bytes."""

    def __init__(
        self,
        *,
        pages: int,
        size_bytes: int,
        memory_limit_bytes: int,
        deadline_seconds: float,
        opening_limit_bytes: int | None = None,
    ) -> None:
        """Let a child take `memory_limit_bytes`, and `opening_limit_bytes` to open with a password.

        Office files are decrypted in memory.
        """
        self._pages = pages
        self._size_bytes = size_bytes
        self._deadline_seconds = deadline_seconds
        most_bytes = max(memory_limit_bytes, opening_limit_bytes or 0)
        self._parsers = ParserPool(
            pdf_planning.answer, most_bytes, first_limit_bytes=memory_limit_bytes
        )

    def plan(
        self,
        source: Source,
        selection: PageSelection | None,
        folder: Path,
        pages: int | None = None,
    ) -> Plan | None:
        """Count a PDF and cut it if need be; None when PDFium cannot read the file.

        A part has at most `pages`, where they are given, and is not encrypted. Raises
        EncryptedDocument, WrongPassword, EmptyDocument, PagesOutOfRange, DocumentTooLarge …
        """
        page_count: int | None = None
        info: DocumentInfo | None = None
        parts: list[Part] = []
        error: ConversionError | None = None
        task = self._task(source, selection, folder, pages or self._pages)
        with closing(self._parsers.run(task, self._deadline_seconds, str(folder))) as answers:
            for message in answers:
                match message["type"]:
                    case "pages":
                        page_count = _count(message.get("count"), _PAGES_MAX)
                        info = _info(message, page_count)
                    case "part":
                        parts.append(_part(message, source, info))
                    case parser_messages.END:
                        page_count = _count(message.get("whole"), task["pages"])
                        parts = [Part(source, tuple(range(page_count)), _info(message, page_count))]
                    case "unreadable":
                        page_count = None
                error = parser_messages.error_of(message)
        if error is not None:
            raise error
        return None if page_count is None else Plan(page_count, tuple(parts))

    def opened(self, source: Source, folder: Path) -> Source:
        """Return an Office file that has a password as one that needs none, below `folder`.

        Raises EncryptedDocument, WrongPassword, CorruptDocument, UnsupportedDocument …
        """
        path = folder / OPENED
        task = {"open": asdict(source) | {"path": str(source.path)}, "opened": str(path)}
        error: ConversionError | None = None
        with closing(self._parsers.run(task, self._deadline_seconds, str(folder))) as answers:
            for message in answers:
                error = parser_messages.error_of(message)
        if error is not None:
            raise error
        if not path.is_file():
            raise parser_messages.no_answer()
        return Source(path, source.media_type, source.file_name)

    def stop(self, folder: Path) -> None:
        """Kill the parser child that works for this folder, if any."""
        self._parsers.stop(str(folder))

    def close(self) -> None:
        self._parsers.close()

    def _task(
        self, source: Source, selection: PageSelection | None, folder: Path, pages: int
    ) -> Message:
        return {
            "path": str(source.path),
            "selection": str(selection) if selection else None,
            "folder": str(folder),
            "pages": pages,
            "sizeBytes": self._size_bytes,
            "password": source.password,
        }


def _count(said: object, most: int) -> int:
    """Return how many pages a child says that a PDF has. Raises ParserCrashed for no count."""
    if not isinstance(said, int) or not 0 < said <= most:
        raise parser_messages.no_answer()
    return said


def _info(message: Message, page_count: int) -> DocumentInfo:
    """Return what the child tells of a PDF; a text of it that is none is not known."""
    said = message.get("info")
    told = said if isinstance(said, dict) else {}
    texts = {name: told[name] for name in _TOLD if isinstance(told.get(name), str)}
    return document_info.told(**texts, page_count=page_count)


def _part(message: Message, source: Source, info: DocumentInfo | None) -> Part:
    file = Source(Path(message["path"]), source.media_type, source.file_name)
    return Part(file, tuple(message["indexes"]), info)
