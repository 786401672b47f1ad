"""The body of a mail as Markdown, and the pictures that it shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import unquote, urljoin

from ilios.core.errors import IliosError
from ilios.engines import conversion_warnings
from ilios.engines.base import ConversionWarning
from ilios.engines.embedded import markdown
from ilios.engines.embedded.image_files import ImageFolder, unkept_kind
from ilios.engines.embedded.mail.header_texts import text_of
from ilios.engines.embedded.mail.letters import Attachment, Kind, Letter, Piece
from ilios.engines.embedded.text.document import from_plain_text
from ilios.engines.embedded.web.html import document as html
from ilios.engines.embedded.web.html.decoding import decoded_page

SIGNATURE: Final = "-- "  #: the line before a signature, whose blank does not join it
_ELSEWHERE: Final = re.compile(r"(?:https?:)?//", re.IGNORECASE)


class Body:
    """Writes the body of one mail; `shown` are the attachments that stand in it."""

    def __init__(self, letter: Letter, images: ImageFolder) -> None:
        self._images = images
        self._attached = {f"cid:{e.content_id}": e for e in letter.attachments if e.content_id}
        self._attached |= {e.address: e for e in letter.attachments if e.address}
        self._kept: dict[str, str | None] = {}
        self._keep_other = html.image_keeper(images)
        self.warnings: list[ConversionWarning] = []
        self.shown: list[Attachment] = []
        self.markdown = markdown.blocks(self._written(letter.body))

    def _written(self, pieces: Sequence[Piece]) -> list[str]:
        return [self._piece(piece) for piece in pieces if piece.content.strip()]

    def _piece(self, piece: Piece) -> str:
        if piece.kind is Kind.HTML:
            keep = partial(self._keep, piece.address)
            page = html.read(decoded_page(piece.content, piece.charset), keep)
            self.warnings += page.warnings
            return page.body
        if piece.kind is Kind.RTF:
            from ilios.engines.embedded.rtf import document as rtf

            text, warnings = rtf.read(piece.content, self._images)
            self.warnings += warnings
            return text
        text = text_of(piece.content, piece.charset).replace("\r\n", "\n").replace("\r", "\n")
        return from_plain_text(
            _unflowed(text, loses_blanks=piece.loses_blanks) if piece.is_flowed else text
        )

    def _keep(self, page: str, source: str) -> str | None:
        """Keep a picture that came with the mail; one from elsewhere only tells who reads it."""
        is_inside = source[:4].lower() == "cid:"
        address = f"cid:{unquote(source[4:]).strip('<> ')}" if is_inside else source
        if page and not is_inside:
            address = _joined(page, address)
        attached = self._attached.get(address)
        if attached is None:
            is_elsewhere = is_inside or _ELSEWHERE.match(address)
            return None if is_elsewhere else self._keep_other(source)
        if address not in self._kept:
            self.shown.append(attached)
            self._kept[address] = self._kept_picture(attached)
        return self._kept[address]

    def _kept_picture(self, attached: Attachment) -> str | None:
        try:
            content = attached.read() if attached.read is not None else b""
        except IliosError:
            content = b""
        name = self._images.add("image-1", content) if content else None
        kind = None if name else unkept_kind(attached.name, content)
        self.warnings += [conversion_warnings.pictures_left_out(kind, 1, 1)] if kind else []
        return name


def _joined(page: str, address: str) -> str:
    try:
        return urljoin(page, address)
    except ValueError:  # brackets that are no address of the sixth version
        return address


def _unflowed(text: str, *, loses_blanks: bool) -> str:
    """Join lines that were broken for the width of a screen: those that end in a blank go on."""
    paragraphs: list[list[str]] = []
    is_open = False
    for line in text.split("\n"):
        is_quoted = line.startswith(">")
        shown = line.removeprefix(" ")
        if is_open and not is_quoted and shown != SIGNATURE:
            paragraphs[-1].append(shown)
        else:
            paragraphs.append([shown])
        is_open = shown.endswith(" ") and shown != SIGNATURE and not is_quoted
        if is_open and loses_blanks:
            paragraphs[-1][-1] = shown[:-1]
    return "\n".join(map("".join, paragraphs))
