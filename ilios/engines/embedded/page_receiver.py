"""The pages of a document as its parser child sends them: nothing of it is believed.

The child opens files of strangers. So its parent bounds what comes by itself, takes files of the
job's folder only, and holds no long text in memory.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ilios.engines import (
    conversion_warnings,
    document_errors,
    page_details,
    page_text,
    parser_messages,
    unicode,
)
from ilios.engines.base import ConversionWarning, DocumentInfo, ImageFile, Page
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits, output_limits, structure_receiver
from ilios.engines.embedded.structure_receiver import StructureReceiver
from ilios.engines.page_layout import Layout
from ilios.engines.page_text import SpooledText, TextSpool
from ilios.engines.parser_messages import Message

HELD_MAX_CHARACTERS: Final = 1024 * 1024
"""Of a document, in memory; what comes after them lies in a file of the job's folder."""
IMAGE_NAME: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{output_limits.IMAGE_NAME_MAX_CHARACTERS}}}")
_SIZE_MAX: Final = 1e9  #: of a page, in any unit; a file may name a larger one


def messages(page: Page) -> Iterator[Message]:
    """Yield what a page is sent as, in the child: its texts in pieces, the last with the rest.

    Its details are sent as `page_details.bounded` has encoded them.
    """
    *pieces, last = page_text.cut(page.markdown)
    for piece in pieces:
        yield {"type": "text", "text": piece}
    if page.layout is not None:
        for layout in islice(page.layout.pieces(), max(1, len(page.layout.texts))):
            yield {"type": "layout", "text": layout}
    for piece in page_text.cut(page.details) if page.details else ():
        yield {"type": "details", "text": piece}
    yield {
        "type": "page",
        "index": page.index,
        "text": last,
        "width": page.width,
        "height": page.height,
        "dpi": page.dpi,
        "images": [[i.name, str(i.path), i.media_type, i.bbox] for i in page.images],
        "warnings": [[w.code, w.message, w.page] for w in page.warnings],
        "confidence": page.confidence,
    }


class PageReceiver:
    """Makes pages of messages, and holds the bounds of a document."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._spool = TextSpool(workspace)
        self._texts = _Texts(self._spool)
        self._structure = StructureReceiver()
        self._indexes: set[int] = set()
        self._images = _Images(workspace)
        self._told = 0
        self.pages: list[Page] = []
        self.selected = 0
        self.info: DocumentInfo | None = None

    def take(self, message: Message) -> None:
        """Take one message. Raises DocumentTooLarge, and ParserCrashed for what is none."""
        try:
            match message["type"]:
                case "counts":
                    self.selected = _count(message["selected"])
                    output_limits.refuse_pages(self.selected)
                case "info":
                    self.info = structure_receiver.info(message["info"])
                case "text":
                    self._texts.add(message["text"], len(self.pages) + 1)
                case "layout":
                    self._structure.add_layout(message["text"])
                case "details":
                    self._structure.add_details(message["text"])
                case "page":
                    self._texts.add(message["text"], len(self.pages) + 1)
                    self.pages.append(self._page(message))
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise parser_messages.no_answer() from error

    def _page(self, message: Message) -> Page:
        index = _count(message["index"])
        if index in self._indexes or len(self.pages) >= self.selected:
            raise ValueError(index)
        self._indexes.add(index)
        markdown, spooled = self._texts.taken()
        page = Page(
            index,
            markdown,
            width=_size(message["width"]),
            height=_size(message["height"]),
            dpi=None if message["dpi"] is None else _count(message["dpi"]),
            images=tuple(self._images.taken(*fields) for fields in message["images"]),
            warnings=self._warnings(message["warnings"]),
            spooled=spooled,
            confidence=structure_receiver.confidence(message["confidence"]),
        )
        told = self._structure.told(page, self._images.names)
        kept = replace(told, layout=told.layout and self._texts.kept(told.layout))
        return page_details.bounded(kept)

    def _warnings(self, found: list[Any]) -> tuple[ConversionWarning, ...]:
        self._told += len(found)
        if len(found) > output_limits.PAGE_MAX_WARNINGS:
            raise ValueError(len(found))
        if self._told > output_limits.DOCUMENT_MAX_WARNINGS:
            raise ValueError(self._told)
        return tuple(_warning(*fields) for fields in found)


class _Texts:
    """Gathers the texts of a page, in memory as long as the document has little."""

    def __init__(self, spool: TextSpool) -> None:
        self._spool = spool
        self._document_bytes = 0
        self._held = 0  #: characters of the pages before, in memory
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[str] = []
        self._bytes = self._characters = 0
        self._start: int | None = None  #: in the file, once the page is written there

    def add(self, piece: str, number: int) -> None:
        """Add a piece to a page, the how manieth it is. Raises DocumentTooLarge, ValueError."""
        if len(piece) > page_text.PIECE_MAX_CHARACTERS:
            raise ValueError(len(piece))
        text = unicode.replace_invalid(piece)
        size = output_limits.size_bytes(text)
        self._bytes += size
        self._document_bytes += size
        self._characters += len(text)
        output_limits.refuse_page_of(self._bytes)
        error = output_limits.document_of(self._document_bytes, number)
        if error is not None:
            raise error
        self._pieces.append(text)
        if self._start is not None or self._held + self._characters > HELD_MAX_CHARACTERS:
            self._write()

    def _write(self) -> None:
        if self._start is None:
            self._start = self._spool.size_bytes
        for piece in self._pieces:
            self._spool.append(piece)
        self._pieces = []

    def taken(self) -> tuple[str, SpooledText | None]:
        """Return the text, in memory or in the file, and begin the next page."""
        markdown, spooled = "".join(self._pieces), None
        if self._start is not None:
            spooled = self._spool.text_from(self._start, self._characters)
        self._held += len(markdown)
        self._begin()
        return markdown, spooled

    def kept(self, layout: Layout) -> Layout:
        """Return the blocks of the page that was taken last, in memory or in the file."""
        if self._held + layout.characters <= HELD_MAX_CHARACTERS:
            self._held += layout.characters
            return layout
        return Layout(self._spool.appended(layout.texts), layout.is_cut)


class _Images:
    """Takes the files of images that lie in the job's folder."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self.names: set[str] = set()
        self._bytes = 0

    def taken(self, name: str, path: str, media_type: str, bbox: Any) -> ImageFile:
        """Return an image. Raises DocumentTooLarge, ValueError."""
        file = self._workspace / name
        if not IMAGE_NAME.fullmatch(name) or name in self.names or str(file) != path:
            raise ValueError(name)
        if media_type not in media_types.EXTENSIONS:
            raise ValueError(media_type)
        self.names.add(name)
        try:
            status = file.lstat()
        except OSError as error:
            raise ValueError(name) from error
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise ValueError(name)
        self._bytes += status.st_size
        if len(self.names) > limits.IMAGES_MAX_COUNT or self._bytes > limits.IMAGES_MAX_BYTES:
            raise document_errors.too_large(
                f"{len(self.names):,} images of the document have {self._bytes:,} bytes",
                f"{limits.IMAGES_MAX_COUNT:,} images of {limits.IMAGES_MAX_BYTES:,} bytes",
            )
        return ImageFile(name, file, media_type, _box(bbox))


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise ValueError(value)
    return value


def _size(value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float):
        raise TypeError(value)
    return float(value) if math.isfinite(value) and abs(value) <= _SIZE_MAX else None


def _box(value: Any) -> tuple[float, float, float, float] | None:
    if value is None:
        return None
    left, top, right, bottom = (_size(side) or 0.0 for side in value)
    return left, top, right, bottom


def _warning(code: str, message: str, page: Any) -> ConversionWarning:
    if code not in conversion_warnings.CODES or len(message) > output_limits.WARNING_MAX_CHARACTERS:
        raise ValueError(code)
    text = unicode.replace_invalid(message)
    return ConversionWarning(code, text, None if page is None else _count(page))
