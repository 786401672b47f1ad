"""RTF documents, as one page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, Source
from ilios.engines.embedded import accounting
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.rtf.reader import RtfReader
from ilios.engines.embedded.rtf.tokens import Tokens
from ilios.engines.embedded.text.decoding import read_limited

KIND = "RTF document"
_PARAGRAPH = re.compile(r"\\pard?\b")
_CONTROL = re.compile(r"\\[a-zA-Z]+-?\d* ?|\\'[0-9a-fA-F]{2}|[{}\\]")


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del threads
    content = read_limited(source.path, KIND)
    if not content.lstrip().startswith(b"{\\rtf"):
        raise document_errors.corrupt(KIND)
    images = ImageFolder(workspace)
    text, warnings = read(content, images)
    if not text and not warnings:
        raise document_errors.empty(KIND)
    return FlowDocument([FlowPage(text, images.take(), tuple(warnings))])


def read(content: bytes, images: ImageFolder) -> tuple[str, list[ConversionWarning]]:
    """Return RTF as Markdown, and what was left out of it."""
    tokens = Tokens(content)
    reader = RtfReader(images, tokens, is_utf8=_is_utf8(content))
    reader.read()
    text = reader.markdown()
    missing = _missing_text("".join([*reader.source, *reader.comments]), text, tokens.rest())
    return text, [*reader.warnings(), *missing]


def _is_utf8(content: bytes) -> bool:
    """Return whether a file has characters beyond ASCII that are valid as UTF-8."""
    if content.isascii():
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _missing_text(shown: str, markdown: str, rest: str) -> Iterator[ConversionWarning]:
    """Warn of text that the Markdown lacks, and of paragraphs behind the end of the document."""
    source = accounting.words(shown)
    lost = accounting.missing(source, markdown)
    if accounting.is_notable(lost, source.total()):
        yield conversion_warnings.text_left_out("the document", lost, source.total())
    behind = _CONTROL.sub(" ", rest) if _PARAGRAPH.search(rest) else ""
    lost = accounting.words(behind).total()
    if accounting.is_notable(lost, lost):
        yield conversion_warnings.text_left_out("the part behind the closing brace", lost, lost)
