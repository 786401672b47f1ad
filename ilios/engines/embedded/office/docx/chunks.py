"""Documents in other formats inside a Word document, which Word shows as part of its text.

Few documents have any: the readers of the other formats are imported when one is met.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urljoin

from ilios.core.errors import IliosError
from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import Archive
from ilios.engines.embedded.image_files import ImageFolder

if TYPE_CHECKING:
    from email.message import Message

_MAIL = (".mht", ".mhtml", ".eml")
_TEXT = (".txt", ".text")


class NestedReader(Protocol):
    """Writes a Word document inside another as Markdown."""

    def __call__(self, content: bytes, /) -> str: ...


class Chunks:
    """Converts the parts that `w:altChunk` names; records those that cannot be read."""

    def __init__(self, archive: Archive, images: ImageFolder, nested: NestedReader) -> None:
        self._archive = archive
        self._images = images
        self._nested = nested
        self._left_out: list[str] = []
        self._read: set[str] = set()

    def take_left_out(self) -> list[str]:
        """Return the parts that could not be read since the last call."""
        taken, self._left_out = self._left_out, []
        return taken

    def to_markdown(self, name: str) -> str:
        """Write a part; what was written before is not repeated."""
        if name in self._read:
            return ""
        self._read.add(name)
        content = self._archive.read_or_empty(name)
        try:
            written = self._written(name, content) if content else ""
        except (IliosError, ValueError, LookupError):
            written = ""
        if not written:
            self._left_out.append(PurePosixPath(name).name)
        return written

    def _written(self, name: str, content: bytes) -> str:
        suffix = PurePosixPath(name).suffix.casefold()
        start = content[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
        if start.startswith(b"{\\rtf"):
            return self._rtf(content)
        if start.startswith(b"PK"):
            return self._nested(content)
        if suffix in _MAIL or start.upper().startswith((b"MIME-VERSION:", b"CONTENT-TYPE:")):
            return self._mail(content)
        if suffix in _TEXT:
            return _plain(content)
        from ilios.engines.embedded.web.html.decoding import decoded_page

        return self._html(decoded_page(content), {})

    def _rtf(self, content: bytes) -> str:
        from ilios.engines.embedded.rtf import document as rtf

        return rtf.read(content.lstrip(), self._images)[0]

    def _html(self, text: str, pictures: Mapping[str, bytes], address: str = "") -> str:
        from ilios.engines.embedded.web.html import document as html
        from ilios.engines.embedded.web.html.writer import HtmlWriter

        if not text.strip():
            return ""
        keep_other = html.image_keeper(self._images)

        def keep(source: str) -> str | None:
            whole = urljoin(address, source) if address else source
            content = pictures.get(source.removeprefix("cid:")) or pictures.get(whole)
            return self._images.add("image-1", content) if content else keep_other(source)

        return HtmlWriter(keep).write(html.parsed(text))

    def _page(self, page: Message, pictures: Mapping[str, bytes]) -> str:
        from ilios.engines.embedded.web.html.decoding import decoded_page

        text = decoded_page(_payload(page), page.get_content_charset() or "")
        return self._html(text, pictures, str(page.get("Content-Location", "")))

    def _mail(self, content: bytes) -> str:
        """Write the pages of a web archive, which is a mail in its form."""
        from ilios.engines.embedded.mail import mime

        message = mime.parsed(content)
        pages = [part for part in message.walk() if part.get_content_type() == "text/html"]
        if pages:
            pictures = _pictures(message)
            return markdown.blocks(self._page(page, pictures) for page in pages)
        plain = [part for part in message.walk() if part.get_content_type() == "text/plain"]
        return markdown.blocks(_plain(_text(part).encode()) for part in plain)


def _text(part: Message) -> str:
    content = _payload(part)
    try:
        return content.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError):
        from ilios.engines.embedded.text.decoding import decoded

        return decoded(content)


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _plain(content: bytes) -> str:
    from ilios.engines.embedded.text.decoding import decoded
    from ilios.engines.embedded.text.document import from_plain_text

    return from_plain_text(decoded(content))


def _pictures(message: Message) -> dict[str, bytes]:
    """Return the pictures of a web archive by the addresses that its page uses."""
    found: dict[str, bytes] = {}
    for part in message.walk():
        if part.get_content_maintype() == "image":
            for header in ("Content-Location", "Content-ID"):
                found[str(part.get(header, "")).strip("<> ")] = _payload(part)
    return found
