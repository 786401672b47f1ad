"""The way into the engine: one file in, a plan and then its pages out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ilios.core.errors import IliosError
from ilios.engines import document_errors
from ilios.engines.base import Options, Page, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.flow import Document

READERS = {
    media_types.PDF: ("pdf.document", "PDF"),
    media_types.PNG: ("ocr.raster", "PNG image"),
    media_types.JPEG: ("ocr.raster", "JPEG image"),
    media_types.WEBP: ("ocr.raster", "WebP image"),
    media_types.TIFF: ("ocr.raster", "TIFF image"),
    media_types.GIF: ("ocr.raster", "GIF image"),
    media_types.DOCX: ("office.docx", "Word document"),
    media_types.PPTX: ("office.pptx", "PowerPoint presentation"),
    media_types.XLSX: ("office.xlsx", "Excel workbook"),
    media_types.EPUB: ("web.epub", "EPUB book"),
    media_types.ODT: ("office.odt", "OpenDocument text"),
    media_types.RTF: ("rtf.document", "RTF document"),
    media_types.HTML: ("web.html", "HTML page"),
    media_types.CSV: ("text.delimited", "CSV table"),
    media_types.PLAIN: ("text.document", "text"),
    media_types.MARKDOWN: ("text.document", "Markdown text"),
}
"""For each media type the module whose `open_document` reads it, and what people call it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is about to be done; comes before the first page."""

    page_count: int  #: pages of the document
    selected: int  #: pages that will be converted


def convert_file(
    source: Source, options: Options, workspace: Path, *, threads: int
) -> Iterator[Plan | Page]:
    """Yield a Plan, then every selected page as soon as it is ready.

    Image files are written below `workspace`. `threads` is what the recognition may use.
    Raises ConversionError: encrypted, corrupt, empty, unsupported, too large, pages out of range.
    """
    module_name, kind = READERS.get(source.media_type, ("", ""))
    if not module_name:
        raise document_errors.unsupported(
            f"Files of type {source.media_type} cannot be converted by the embedded engine."
        )
    if not source.path.stat().st_size:
        raise document_errors.empty(kind)
    reader = import_module(f"ilios.engines.embedded.{module_name}")
    with _library_faults_as_corrupt(kind):
        document: Document = reader.open_document(source, workspace, threads)
        with closing(document):
            indexes = _selected(document, options)
            yield Plan(document.page_count, len(indexes))
            yield from document.pages(indexes)


def _selected(document: Document, options: Options) -> list[int]:
    if options.pages is None:
        return list(range(document.page_count))
    return options.pages.indexes(document.page_count)


@contextmanager
def _library_faults_as_corrupt(kind: str) -> Iterator[None]:
    """A library that chokes on a stranger's file says so in its own words; we say it in ours."""
    try:
        yield
    except (IliosError, MemoryError, GeneratorExit):
        raise
    except Exception as error:
        raise document_errors.corrupt(kind) from error
