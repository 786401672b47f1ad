"""EPUB books; a page is a file of the spine, usually a chapter."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from lxml import etree

from ilios.core.conversion_errors import CorruptDocument
from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, Page, Source
from ilios.engines.embedded import accounting, markdown
from ilios.engines.embedded.archive import Archive, local_name, resolved
from ilios.engines.embedded.image_files import ImageFolder, unkept_kind
from ilios.engines.embedded.web.epub import chapters
from ilios.engines.embedded.web.epub.package import (
    KIND,
    SpineItem,
    refuse_if_encrypted,
    spine,
)
from ilios.engines.embedded.web.html import source_words, styles
from ilios.engines.embedded.web.html.decoding import decoded_page
from ilios.engines.embedded.web.html.document import parsed
from ilios.engines.embedded.web.html.writer import HtmlWriter

_PICTURES: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
_WIDE_TEXT: Final = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_HEAD_BYTES: Final = 1024
DRAWN_MAX_BYTES: Final = 16 * 1024 * 1024
"""Size of the SVG drawings of a book that are searched for text; a drawing counts each time."""


def open_document(source: Source, workspace: Path, threads: int) -> EpubDocument:
    del threads
    return EpubDocument(Archive(source.path, KIND), ImageFolder(workspace))


class EpubDocument:
    """A book whose chapters are converted one at a time."""

    def __init__(self, archive: Archive, images: ImageFolder) -> None:
        self._archive = archive
        self._images = images
        self._pictures = 0
        self._kept: dict[str, str | None] = {}
        self._drawn_bytes = 0
        self._sheets: dict[str, styles.Rules] = {}
        self._left_out: Counter[str] = Counter()
        refuse_if_encrypted(archive)
        self._chapters = spine(archive)
        if not any(chapter.parts for chapter in self._chapters):
            raise document_errors.empty(KIND)

    @property
    def page_count(self) -> int:
        return len(self._chapters)

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            text, warnings = self._page(self._chapters[index], index + 1)
            yield Page(index, text, images=self._images.take(), warnings=warnings)

    def close(self) -> None:
        self._archive.close()

    def _page(self, chapter: SpineItem, page: int) -> tuple[str, tuple[ConversionWarning, ...]]:
        if not chapter.parts:
            return "", (conversion_warnings.file_missing(chapter.name, page),)
        self._left_out.clear()
        warnings: list[ConversionWarning] = []
        picture = ""
        text = None
        for part in chapter.parts:
            content = self._content(part)
            if content is None:
                continue
            if content.startswith(_PICTURES):
                picture = picture or self._picture(part, content)
            elif not _is_binary(content):
                text, warnings = self._chapter(part, content, page)
                break
        if text is None and not picture:
            return "", (conversion_warnings.file_unreadable(chapter.name, page),)
        text = text or ""
        written = markdown.blocks(["" if picture.removeprefix("![") in text else picture, text])
        for kind, count in sorted(self._left_out.items()):
            warnings.append(conversion_warnings.pictures_left_out(kind, count, page))
        if not written:
            warnings.append(conversion_warnings.blank_page(page))
        return written, tuple(warnings)

    def _content(self, part: str) -> bytes | None:
        """Return a part; None if it is damaged, which costs a book of several pages that page."""
        try:
            return self._archive.read(part)
        except CorruptDocument:
            if self.page_count == 1:
                raise
            return None

    def _chapter(self, name: str, content: bytes, page: int) -> tuple[str, list[ConversionWarning]]:
        if not content.strip():
            return "", []
        folder = posixpath.dirname(name)
        try:
            root = parsed(_decoded(content))
        except CorruptDocument:  # there is no element in it
            return "", []
        styles.apply(root, self._linked_sheets(root, folder))
        chapters.prepare(root, lambda source: self._drawing(folder, source))
        body = next((e for e in root.iter() if local_name(e) == "body"), root)
        roughly = accounting.rough_text(body)
        text = HtmlWriter(lambda source: self._keep(folder, source)).write(body)
        lost, total = accounting.lost_words(roughly, lambda: source_words.text(body), text)
        if not accounting.is_notable(lost, total):
            return text, []
        return text, [conversion_warnings.text_left_out(f"page {page}", lost, total, page)]

    def _linked_sheets(self, root: etree._Element, folder: str) -> Iterator[styles.Rules]:
        seen: set[str] = set()
        for link in root.iter("link"):
            if "stylesheet" not in (link.get("rel") or "").lower():
                continue
            part = resolved(folder, link.get("href") or "")
            if part in seen:
                continue
            seen.add(part)
            if part not in self._sheets:
                sheet = self._archive.read_or_empty(part) if part in self._archive else b""
                self._sheets[part] = styles.rules(sheet.decode("utf-8", "replace"))
            yield self._sheets[part]

    def _keep(self, folder: str, source: str) -> str | None:
        part = resolved(folder, source)
        if part not in self._archive:
            return None
        if part not in self._kept:
            self._kept[part] = self._image(part, self._archive.read_or_empty(part))
        return self._kept[part]

    def _image(self, part: str, content: bytes) -> str | None:
        self._pictures += 1
        name = self._images.add(f"image-{self._pictures}", content)
        if name is None and (kind := unkept_kind(part, content)):
            self._left_out[kind] += 1
        return name

    def _picture(self, part: str, content: bytes) -> str:
        name = self._image(part, content)
        return markdown.image(name) if name else ""

    def _drawing(self, folder: str, source: str) -> etree._Element | None:
        """Return an SVG drawing of the book if there is text in it."""
        part = resolved(folder, source)
        if self._drawn_bytes > DRAWN_MAX_BYTES or part not in self._archive:
            return None
        content = self._archive.read_or_empty(part)
        self._drawn_bytes += len(content)
        if not re.search(rb"<(?:\w+:)?text\b", content):
            return None
        root = parsed(_decoded(content))
        chapters.prepare(root, lambda _: None)
        return next((e for e in root.iter() if local_name(e) == "svg"), None)


def _decoded(content: bytes) -> str:
    """Decode a chapter; nearly all are UTF-8, which needs no guess."""
    if b"\0" not in content and b"\x1b" not in content:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
    return decoded_page(content)


def _is_binary(content: bytes) -> bool:
    head = content[:_HEAD_BYTES]
    return b"\0" in head and not head.startswith(_WIDE_TEXT)
