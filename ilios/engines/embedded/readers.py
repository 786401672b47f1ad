"""The readers: which module reads which media type, and what each of them offers.

A reader is imported when a document of its type comes, by the parser child alone: each loads the
heavy libraries that it needs. Hence the imports inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from ilios.engines.base import DocumentInfo, Page, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.structure import PlacedPage


class OpenDocument(Protocol):
    """An opened document: how many pages it has, and their conversion one by one."""

    @property
    def page_count(self) -> int: ...

    def pages(self, indexes: Sequence[int]) -> Iterator[Page] | Iterator[PlacedPage]:
        """Convert the pages with these 0-based indexes, in the order given."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class TellsOfItself(Protocol):
    """A document whose reader knows what its file says of itself."""

    def info(self) -> DocumentInfo: ...


class ReaderModule(Protocol):
    """What a module must offer to be a reader."""

    def open_document(self, source: Source, workspace: Path, threads: int, /) -> OpenDocument:
        """Open a document; image files are written below `workspace`.

        `threads` is how many threads text recognition may use. Raises ConversionError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader for one media type."""

    kind: str  #: what people call such a document, for sentences
    load: Callable[[], ReaderModule]


def _pdf() -> ReaderModule:
    from ilios.engines.embedded.pdf import document

    return document


def _raster_image() -> ReaderModule:
    from ilios.engines.embedded.ocr import raster

    return raster


def _docx() -> ReaderModule:
    from ilios.engines.embedded.office.docx import document

    return document


def _pptx() -> ReaderModule:
    from ilios.engines.embedded.office.pptx import document

    return document


def _xlsx() -> ReaderModule:
    from ilios.engines.embedded.office.xlsx import document

    return document


def _odt() -> ReaderModule:
    from ilios.engines.embedded.office.odt import document

    return document


def _epub() -> ReaderModule:
    from ilios.engines.embedded.web.epub import document

    return document


def _html() -> ReaderModule:
    from ilios.engines.embedded.web.html import document

    return document


def _rtf() -> ReaderModule:
    from ilios.engines.embedded.rtf import document

    return document


def _delimited_text() -> ReaderModule:
    from ilios.engines.embedded.text import delimited

    return delimited


def _text() -> ReaderModule:
    from ilios.engines.embedded.text import document

    return document


READERS: Final = {
    media_types.PDF: Reader("PDF", _pdf),
    media_types.PNG: Reader("PNG image", _raster_image),
    media_types.JPEG: Reader("JPEG image", _raster_image),
    media_types.WEBP: Reader("WebP image", _raster_image),
    media_types.TIFF: Reader("TIFF image", _raster_image),
    media_types.GIF: Reader("GIF image", _raster_image),
    media_types.DOCX: Reader("Word document", _docx),
    media_types.PPTX: Reader("PowerPoint presentation", _pptx),
    media_types.XLSX: Reader("Excel workbook", _xlsx),
    media_types.EPUB: Reader("EPUB book", _epub),
    media_types.ODT: Reader("OpenDocument text", _odt),
    media_types.FODT: Reader("OpenDocument text", _odt),
    media_types.RTF: Reader("RTF document", _rtf),
    media_types.HTML: Reader("HTML page", _html),
    media_types.CSV: Reader("CSV table", _delimited_text),
    media_types.PLAIN: Reader("text", _text),
    media_types.MARKDOWN: Reader("Markdown text", _text),
}
"""By media type; a test holds that every accepted one is here."""
