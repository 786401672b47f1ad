"""PDFs of results that can be searched, made on demand in a parser child, and not kept."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from math import ceil, sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final

from ilios.core import computing, data_folder
from ilios.core.conversion_errors import DeadlineExceeded, ObjectMissing, ParserCrashed
from ilios.core.disk_space import DiskReserve
from ilios.core.request_errors import OptionUnavailable, OriginalMissing
from ilios.core.settings import MIB, Settings
from ilios.documents import repository
from ilios.documents.parser_places import ParserPlaces
from ilios.documents.queries import Result
from ilios.documents.result_pages import StructuredPage
from ilios.engines import searchable_pdf
from ilios.engines.detection import media_types
from ilios.engines.markdown_structure import bare
from ilios.engines.page_structure import Block, Box
from ilios.engines.page_texts import PageText
from ilios.engines.parser_pool import ParserPool
from ilios.engines.searchable_pdf import MADE_FROM
from ilios.storage.base import ObjectStore

MAKE_SECONDS: Final = 300.0  #: for one PDF
_COPIES: Final = 2  #: of the original, on the disk at once
_UNPACKED: Final = 10
"""How many times as much as an image its PDF may take, which keeps it without loss."""
_LETTER_WIDTH: Final = 0.5  #: in parts of its height, where only the box of a block is known


class SearchablePdfs:
    """Makes them; parser children start with the first."""

    def __init__(self, settings: Settings, store: ObjectStore, disk_reserve: DiskReserve) -> None:
        self._scratch = data_folder.uploads(settings)
        self._store = store
        self._disk_reserve = disk_reserve
        self._memory_mib = settings.large_parser_memory_limit_bytes // MIB
        self._parsers = ParserPool(
            searchable_pdf.answer,
            settings.large_parser_memory_limit_bytes,
            settings.parser_memory_limit_bytes,
        )
        self._places = ParserPlaces("Other PDFs have been made")

    def made(self, found: Result) -> BinaryIO:
        """Return the file of a result's PDF, which nobody else has; close it.

        Raises OptionUnavailable when it cannot be made of this document, OriginalMissing, Busy,
        DiskFull, and ConversionError.
        """
        document = found.document
        require_kind(document.file_name, document.mime_type)
        with found.database.reading() as session:
            key = repository.present_document_of(session, document.id, found.owner).storage_key
        try:
            size_bytes = self._store.stat(key).size_bytes
        except ObjectMissing as error:
            raise OriginalMissing("The original of this document is no longer stored.") from error
        is_pdf = document.mime_type == media_types.PDF
        with (
            self._places.held(found.owner),
            self._disk_reserve.promised(size_bytes * (_COPIES if is_pdf else _UNPACKED)),
            TemporaryDirectory(dir=self._scratch) as folder,
        ):
            return self._made(found, key, Path(folder))

    def close(self) -> None:
        """End the parser children."""
        self._parsers.close()

    def _made(self, found: Result, key: str, folder: Path) -> BinaryIO:
        original, texts, made = folder / "original", folder / "texts", folder / "made.pdf"
        with computing.waiting():
            self._store.fetch(key, original)
        with texts.open("w", encoding="utf-8") as file:
            file.writelines(page.as_json() for page in _texts(found))
        task = searchable_pdf.task(original, found.document.mime_type, texts, made)
        try:
            with computing.waiting():
                (answer,) = self._parsers.run(task, MAKE_SECONDS)
        except DeadlineExceeded as error:
            raise DeadlineExceeded(
                f"The PDF could not be made within {MAKE_SECONDS:.0f} s: split the document."
            ) from error
        except ParserCrashed as error:
            raise ParserCrashed(
                "The process that made the PDF ended: the document is damaged, or needs more than "
                f"the {self._memory_mib} MiB that it may take. Split it, or save it anew."
            ) from error
        result = searchable_pdf.made(answer)
        if result.page_without_text is not None:
            raise OptionUnavailable(
                f"Page {result.page_without_text} is a scan, and where its text stands was not "
                "asked for when it was converted. Send the document again with include=blocks."
            )
        return (made if result.is_changed else original).open("rb")


def require_kind(file_name: str, media_type: str) -> None:
    """Raise OptionUnavailable for a document of which no PDF is made."""
    if media_type not in MADE_FROM:
        raise OptionUnavailable(
            f"A PDF is made of PDFs and images only, and {file_name} is {media_type}. "
            "Choose another format."
        )


def _texts(found: Result) -> Iterator[PageText]:
    for page in found.structured_pages(with_blocks=True):
        if page.width and page.height:
            yield PageText(
                page.number - 1,
                page.width,
                page.height,
                page.dpi,
                page.details.turns,
                page.has_blocks,
                [line for block in page.blocks() for line in _lines(page, block)],
            )


def _lines(page: StructuredPage, block: Block) -> Iterator[tuple[str, Box]]:
    """Yield the lines of a block: those that were read, or its text spread over its box."""
    for line in block.lines:
        if text := _words(_bare(page, line.start, line.end)):
            yield text, line.box
    if block.lines or block.box is None or block.type == "image":
        return
    text = _bare(page, block.start, block.end) if block.text is None else bare(block.text)
    if text.strip():
        yield from _spread(text, block.box, keeps_lines=block.type in ("table", "code", "list"))


def _bare(page: StructuredPage, start: int, end: int) -> str:
    return bare("".join(page.text(start, end)))


def _words(text: str) -> str:
    return " ".join(text.split())


def _spread(text: str, box: Box, *, keeps_lines: bool) -> Iterator[tuple[str, Box]]:
    """Yield a text in lines of equal height that fill a box."""
    left, top, right, bottom = box
    if right <= left or bottom <= top:
        return
    plain = _words(text)
    count = max(1, round(sqrt(len(plain) * _LETTER_WIDTH * (bottom - top) / (right - left))))
    width = ceil(len(plain) / count)
    # Readers of the PDF join what is parted at a hyphen, without it.
    wrapped = textwrap.wrap(plain, width, break_on_hyphens=False)
    lines = text.split("\n") if keeps_lines else wrapped
    shown = [_words(line) for line in lines]
    longest = max(map(len, shown))
    height = (bottom - top) / len(shown)
    for number, line in enumerate(shown):
        if line:
            end = left + (right - left) * len(line) / longest
            yield line, (left, top + number * height, end, top + (number + 1) * height)
