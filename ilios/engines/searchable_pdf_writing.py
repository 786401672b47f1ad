"""Writing a PDF that can be searched through PDFium, in a parser child only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import pypdfium2 as pdfium

from ilios.core.conversion_errors import (
    DiskFull,
    DocumentTooLarge,
    EncryptedDocument,
    UnsupportedDocument,
)
from ilios.core.disk_space import is_full
from ilios.engines import (
    document_errors,
    invisible_font,
    parser_memory,
    scanned_pdf,
    text_layers,
)
from ilios.engines.detection import media_types
from ilios.engines.page_texts import Made, PageText, texts
from ilios.engines.pdf_opening import UnreadablePdf, open_pdf
from ilios.engines.text_layers import InvisibleText, PlacedLine

ADDED_MAX_BYTES: Final = 512 * 1024**2  #: by which a PDF may be larger than what it is made of


@dataclass(slots=True)
class _Written:
    """The letters that pages got, by index, and the number of the first that should have some."""

    letters: dict[int, Counter[str]] = field(default_factory=dict)
    page_without_text: int | None = None


def write(source: Path, media_type: str, text_file: Path, made: Path) -> Made:
    """Write the text onto the pages that have none; a page whose text gets lost stays without.

    Raises EncryptedDocument, CorruptDocument, UnsupportedDocument, DocumentTooLarge, DiskFull.
    """
    parser_memory.allow_images()
    lost: set[int] = set()
    while True:
        with closing(_opened(source, media_type, text_file)) as pdf:
            written = _write(pdf, text_file, lost)
            is_changed = bool(written.letters) or media_type != media_types.PDF
            if is_changed:
                _save(pdf, made, source.stat().st_size + ADDED_MAX_BYTES)
        lost_now = _lost(made, written)
        if not lost_now:
            return Made(is_changed, written.page_without_text)
        lost |= lost_now


def _save(pdf: Any, made: Path, most_bytes: int) -> None:
    with made.open("wb") as file:
        output = _Output(file, most_bytes)
        pdf.save(output)
    if output.error is not None:
        raise output.error


class _Output:
    """Takes what PDFium writes, which goes on after an error: the first one is kept."""

    def __init__(self, file: BinaryIO, most_bytes: int) -> None:
        self.error: Exception | None = None
        self._file = file
        self._room = most_bytes

    def write(self, block: Any) -> None:
        """Write a block, unless one could not be written."""
        if self.error is not None:
            return
        self._room -= len(block)
        if self._room < 0:
            self.error = _too_large()
            return
        try:
            self._file.write(block)
        except OSError as error:
            self.error = _disk_full() if is_full(error) else error


def _too_large() -> DocumentTooLarge:
    return document_errors.too_large(
        "The PDF would be much larger than what it is made of",
        f"{ADDED_MAX_BYTES // 1024**2} MiB more",
    )


def _disk_full() -> DiskFull:
    return DiskFull("The disk became full while the PDF was made. Try again when there is room.")


def _opened(source: Path, media_type: str, text_file: Path) -> Any:
    if media_type != media_types.PDF:
        sizes = {page.index: page.size for page in texts(text_file)}
        return scanned_pdf.pdf_of(source, media_type, sizes)
    try:
        return open_pdf(source)
    except UnreadablePdf as error:
        raise document_errors.corrupt("PDF") from error
    except EncryptedDocument as error:
        raise EncryptedDocument(
            "The original is protected by a password, which is not kept once it is converted, so "
            "that no PDF is made of it. Choose another format."
        ) from error


def _write(pdf: Any, text_file: Path, left_out: Collection[int]) -> _Written:
    written = _Written()
    lines = chain.from_iterable(page.lines for page in texts(text_file))
    private = invisible_font.private_codes(text for text, _ in lines)
    with closing(InvisibleText(pdf, private)) as layer:
        for text in texts(text_file):
            if text.index in left_out or text.index >= len(pdf):
                continue
            with _page(pdf, text.index) as page:
                if page is None or not text_layers.lacks_text(page):
                    continue
                if not text.has_blocks and written.page_without_text is None:
                    written.page_without_text = text.index + 1
                letters = layer.write(page, _placed(text, page.get_size()), text.turns)
                if letters:
                    written.letters[text.index] = letters
    return written


def _placed(text: PageText, shown: tuple[float, float]) -> Iterator[PlacedLine]:
    across, down = shown[0] / text.width, shown[1] / text.height
    for line, (left, top, right, bottom) in text.lines:
        yield PlacedLine(line, (left * across, top * down, right * across, bottom * down))


def _lost(made: Path, written: _Written) -> set[int]:
    """Return the indexes of pages whose letters are not read from the file."""
    if not written.letters:
        return set()
    try:
        opened = open_pdf(made)
    except (UnreadablePdf, EncryptedDocument, UnsupportedDocument):
        return set(written.letters)
    with closing(opened) as pdf:
        return {index for index in written.letters if not _has(pdf, index, written.letters[index])}


def _has(pdf: Any, index: int, letters: Counter[str]) -> bool:
    with _page(pdf, index) as page:
        return page is not None and letters <= text_layers.letters_of(page)


@contextmanager
def _page(pdf: Any, index: int) -> Iterator[Any]:
    """Open a page; None when PDFium cannot load it."""
    try:
        page = pdf[index]
    except pdfium.PdfiumError:
        yield None
        return
    with closing(page):
        yield page
