"""Documents as they arrive: what they are, and what stands on their pages."""

from __future__ import annotations

import asyncio
import base64
import io
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from PIL import Image, UnidentifiedImageError

from tests.mistral_server import office, pdf
from tests.mistral_server.pdf import Box, PageContent, UnreadablePdf
from tests.mistral_server.refusals import error

MAX_BYTES = 50 * 1024 * 1024
MAX_PAGES = 1000
KEPT_DOCUMENTS = 200  #: documents whose pages stay in memory
HEAD_BYTES = 4096
PAGED = ("pdf", "pptx", "epub")  #: kinds whose `pages` can be selected; pptx and epub: guess
LOREM = "\n\n".join(["Lorem ipsum dolor sit amet, consectetur adipiscing elit. " * 6] * 4).strip()
PICTURE_TEXT_KEYS = ("Text", "Description", "Comment")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a document: in memory when they came inline, on disk when they were uploaded."""

    name: str
    sha256: str
    size: int
    source: bytes | Path

    def head(self) -> bytes:
        if isinstance(self.source, bytes):
            return self.source[:HEAD_BYTES]
        with self.source.open("rb") as file:
            return file.read(HEAD_BYTES)


@dataclass(slots=True)
class Known:
    """What has been read of a document."""

    kind: str
    count: int = 0
    pages: dict[int, PageContent] = field(default_factory=dict)


class Documents:
    """Reads documents off the event loop: PDFs in one thread, since pdfium takes no more."""

    def __init__(self) -> None:
        self._pdfium = ThreadPoolExecutor(1, "pdfium")
        self._others = ThreadPoolExecutor(2, "documents")
        self._known: OrderedDict[str, Known] = OrderedDict()

    async def off_loop(self, work: Callable[[], Result]) -> Result:
        """Do what takes longer than the event loop should wait."""
        return await asyncio.get_running_loop().run_in_executor(self._others, work)

    async def read(self, content: Content, selection: list[int] | None, *, lenient: bool) -> Known:
        """Return the document with at least the selected pages. Raises Refusal."""
        known = self._known.get(content.sha256)
        if known is None:
            known = Known(await self._kind(content))
        if not known.count or self._missing(known, selection):
            try:
                await self._read(content, known, selection)
            except UnreadablePdf:
                if not lenient:
                    raise error("document_parser_invalid_file") from None
                return Known("pdf", 1, {0: PageContent(LOREM)})
            self._keep(content.sha256, known)
        return known

    async def image_urls(self, content: Content, known: Known, index: int) -> list[str]:
        """Return the images of a page, as data URLs of JPEG."""

        def urls() -> list[str]:
            is_pdf = known.kind == "pdf"
            found = pdf.images(content.source, index) if is_pdf else [_picture_jpeg(content)]
            return ["data:image/jpeg;base64," + base64.b64encode(one).decode() for one in found]

        return await asyncio.get_running_loop().run_in_executor(self._pdfium, urls)

    def forget(self) -> None:
        self._known.clear()

    def close(self) -> None:
        self._pdfium.shutdown(cancel_futures=True)
        self._others.shutdown(cancel_futures=True)

    async def _kind(self, content: Content) -> str:
        if isinstance(content.source, bytes) and content.source.startswith(b"%PDF-"):
            return "pdf"
        return await self.off_loop(lambda: kind_of(content))

    async def _read(self, content: Content, known: Known, selection: list[int] | None) -> None:
        if known.kind != "pdf":
            pages = await self.off_loop(lambda: _read_other(content, known.kind))
            known.count, known.pages = len(pages), dict(enumerate(pages))
            return

        def select(count: int) -> list[int]:
            wanted = range(count) if selection is None else [i for i in selection if i < count]
            return [] if count > MAX_PAGES else [i for i in wanted if i not in known.pages]

        known.count, pages_read = await asyncio.get_running_loop().run_in_executor(
            self._pdfium, pdf.read, content.source, select
        )
        known.pages.update(pages_read)

    def _missing(self, known: Known, selection: list[int] | None) -> bool:
        if known.count > MAX_PAGES:
            return False
        wanted = range(known.count) if selection is None else selection
        return any(index < known.count and index not in known.pages for index in wanted)

    def _keep(self, sha256: str, known: Known) -> None:
        self._known[sha256] = known
        self._known.move_to_end(sha256)
        if len(self._known) > KEPT_DOCUMENTS:
            self._known.popitem(last=False)


def kind_of(content: Content) -> str:
    """Tell by the bytes, whatever the name says. Raises Refusal for what the provider refuses.

    Guess: HTML and archives get document_parser_invalid_file with another sentence.
    """
    head = content.head()
    start = head.lstrip()[:64].lower()
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        if kind := office.container_kind(content.source):
            return kind
        raise error("document_parser_invalid_file", "Unsupported file type: application/zip")
    if start.startswith((b"<!doctype html", b"<html")):
        raise error("document_parser_invalid_file", "Unsupported file type: text/html")
    if start.startswith(b"{\\rtf"):
        return "rtf"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "legacy"
    if _is_picture(head):
        return "image"
    if _is_text(head) and not content.name.lower().endswith(".pdf"):
        return "text"
    raise error("document_parser_invalid_file")


def _is_picture(head: bytes) -> bool:
    return (
        head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*"))
        or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
        or head[4:12] in {b"ftypavif", b"ftypheic", b"ftypmif1", b"ftypheix"}
    )


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head[: HEAD_BYTES - 4].decode()
    except UnicodeDecodeError as fault:
        return fault.start > HEAD_BYTES - 8  # a character that the head cuts
    return True


def _read_other(content: Content, kind: str) -> list[PageContent]:
    if kind == "image":
        return [_picture(content)]
    try:
        return [PageContent(text) for text in office.pages(content.source, kind)]
    except office.UnreadableOffice:
        raise error("document_parser_invalid_file", "Document could not be read.") from None


def _picture(content: Content) -> PageContent:
    """Return one page with one image; a PNG with a text chunk reads as that text."""
    try:
        with Image.open(_file(content)) as image:
            size = image.size
            texts = [str(image.info[key]) for key in PICTURE_TEXT_KEYS if key in image.info]
    except (UnidentifiedImageError, OSError):
        raise error("invalid_request_file", "Image could not be read.") from None
    if texts:
        return PageContent("\n".join(texts), size)
    return PageContent("", size, (Box(0, 0, *size),))


def _picture_jpeg(content: Content) -> bytes:
    out = io.BytesIO()
    with Image.open(_file(content)) as image:
        image.convert("RGB").save(out, "JPEG")
    return out.getvalue()


def _file(content: Content) -> io.BytesIO | Path:
    return io.BytesIO(content.source) if isinstance(content.source, bytes) else content.source
