"""JSON and XML as blocks of code: nothing of them is lost, and models read both.

Keys and names of elements say what a value means, so they stay beside it. A file with long lines is
laid out anew, so that it can be read and cut into pieces; its values stay as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ilios.engines import document_errors
from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.embedded import markdown, output_limits
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.text import code_layout
from ilios.engines.embedded.text.decoding import decoded_with_warnings, read_limited, refuse_binary
from ilios.engines.embedded.web.html.decoding import decoded_page

LINE_MAX_CHARACTERS: Final = 500
"""A file with a longer line is laid out anew."""


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del workspace, threads
    content = read_limited(source.path, "file")
    if source.media_type == media_types.JSON:
        read = decoded_with_warnings(content)
        text, warnings, language = read.text, read.warnings, "json"
    else:
        text, warnings, language = decoded_page(content), (), "xml"
    refuse_binary(text)
    written = markdown.code_block(_laid_out(text, language), language)
    if not written:
        raise document_errors.empty("file")
    return FlowDocument([FlowPage(written, warnings=warnings)])


def _laid_out(text: str, language: str) -> str:
    if not any(len(line) > LINE_MAX_CHARACTERS for line in text.split("\n")):
        return text
    parts = code_layout.json_parts(text) if language == "json" else code_layout.xml_parts(text)
    return _bounded(parts)


def _bounded(parts: Iterable[str]) -> str:
    """Join parts. Raises DocumentTooLarge: brackets within brackets are indented ever more."""
    joined: list[str] = []
    size = 0
    for part in parts:
        joined.append(part)
        size += len(part)
        output_limits.refuse_page_of(size)
    return "".join(joined)
