"""The readers: which module reads which media type, and what each of them offers.

A reader is imported when a document of its type comes, by the parser child alone: each loads the
heavy libraries that it needs. Hence the imports inside functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ilios.core.conversion_errors import UnsupportedDocument
from ilios.engines import document_errors
from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.open_documents import OpenDocument, ReaderModule


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


def _xls() -> ReaderModule:
    from ilios.engines.embedded.office.xls import document

    return document


def _doc() -> ReaderModule:
    from ilios.engines.embedded.office.doc import document

    return document


def _ppt() -> ReaderModule:
    from ilios.engines.embedded.office.ppt import document

    return document


def _odt() -> ReaderModule:
    from ilios.engines.embedded.office.odt import document

    return document


def _ods() -> ReaderModule:
    from ilios.engines.embedded.office.ods import document

    return document


def _odp() -> ReaderModule:
    from ilios.engines.embedded.office.odp import document

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


def _mail() -> ReaderModule:
    from ilios.engines.embedded.mail import document

    return document.MailReader(open_file)


def _code() -> ReaderModule:
    from ilios.engines.embedded.text import code

    return code


def _notebook() -> ReaderModule:
    from ilios.engines.embedded.text import notebook

    return notebook


READERS: Final = {
    media_types.PDF: Reader("PDF", _pdf),
    media_types.PNG: Reader("PNG image", _raster_image),
    media_types.JPEG: Reader("JPEG image", _raster_image),
    media_types.WEBP: Reader("WebP image", _raster_image),
    media_types.TIFF: Reader("TIFF image", _raster_image),
    media_types.GIF: Reader("GIF image", _raster_image),
    media_types.BMP: Reader("bitmap", _raster_image),
    media_types.AVIF: Reader("AVIF image", _raster_image),
    media_types.JP2: Reader("JPEG 2000 image", _raster_image),
    media_types.DOCX: Reader("Word document", _docx),
    media_types.PPTX: Reader("PowerPoint presentation", _pptx),
    media_types.XLSX: Reader("Excel workbook", _xlsx),
    media_types.XLS: Reader("Excel workbook", _xls),
    media_types.DOC: Reader("Word document", _doc),
    media_types.PPT: Reader("PowerPoint presentation", _ppt),
    media_types.EPUB: Reader("EPUB book", _epub),
    media_types.ODT: Reader("OpenDocument text", _odt),
    media_types.FODT: Reader("OpenDocument text", _odt),
    media_types.ODS: Reader("OpenDocument spreadsheet", _ods),
    media_types.FODS: Reader("OpenDocument spreadsheet", _ods),
    media_types.ODP: Reader("OpenDocument presentation", _odp),
    media_types.FODP: Reader("OpenDocument presentation", _odp),
    media_types.RTF: Reader("RTF document", _rtf),
    media_types.HTML: Reader("HTML page", _html),
    media_types.CSV: Reader("CSV table", _delimited_text),
    media_types.EML: Reader("mail", _mail),
    media_types.MSG: Reader("Outlook message", _mail),
    media_types.IPYNB: Reader("notebook", _notebook),
    media_types.JSON: Reader("JSON file", _code),
    media_types.XML: Reader("XML file", _code),
    media_types.PLAIN: Reader("text", _text),
    media_types.MARKDOWN: Reader("Markdown text", _text),
}
"""By media type; a test holds that all are here but those that Mistral alone reads."""


def reader_of(source: Source) -> Reader:
    """Return the reader for a file. Raises UnsupportedDocument, and EmptyDocument for no bytes."""
    reader = READERS.get(source.media_type)
    if reader is None:
        raise UnsupportedDocument(media_types.unread_here(source.media_type))
    if not source.path.stat().st_size:
        raise document_errors.empty(reader.kind)
    return reader


def open_file(source: Source, workspace: Path, threads: int) -> OpenDocument:
    """Open a document of any accepted type. Raises ConversionError."""
    return reader_of(source).load().open_document(source, workspace, threads)
