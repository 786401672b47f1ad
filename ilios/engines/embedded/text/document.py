"""Plain text and Markdown files."""

from __future__ import annotations

import re
from pathlib import Path

from ilios.engines import document_errors
from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.embedded import markdown
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.text.decoding import decoded_with_warnings, read_limited, refuse_binary

_RULE = re.compile(r"^\s*([-=_*~#.])\1{4,}\s*$")
_ITEM = re.compile(r"^\s*(?:\d{1,4}[.)]|[-*+])\s+\S")


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del workspace, threads
    read = decoded_with_warnings(read_limited(source.path, "text"))
    text = read.text
    if not text.strip():
        raise document_errors.empty("text")
    refuse_binary(text)
    is_markdown = source.media_type == media_types.MARKDOWN
    written = text.strip() if is_markdown else from_plain_text(text)
    return FlowDocument([FlowPage(written, warnings=read.warnings)])


def from_plain_text(text: str) -> str:
    """Write plain text as Markdown that keeps its lines and paragraphs."""
    paragraphs = re.split(
        r"\n\s*\n", markdown.without_controls(text.replace("\f", "\n\n")).strip("\n")
    )
    return markdown.blocks(_paragraph(paragraph) for paragraph in paragraphs)


def _paragraph(paragraph: str) -> str:
    lines = [line.rstrip() for line in paragraph.expandtabs(4).split("\n") if line.strip()]
    if _is_columnar(lines):
        return "\n".join(["```text", *lines, "```"])
    parts = [_line(line.strip()) for line in lines]
    return markdown.HARD_BREAK.join(parts)


def _line(line: str) -> str:
    if _RULE.match(line):
        return "\\" + line
    if _ITEM.match(line):
        marker, _, rest = line.partition(" ")
        return f"{marker} {markdown.escaped(rest)}"
    return markdown.escaped_line(line)


def _is_columnar(lines: list[str]) -> bool:
    """Return whether lines are laid out with runs of spaces, as a table or a drawing is."""
    spaced = sum(re.search(r"\S {3,}\S", line) is not None for line in lines)
    return len(lines) >= 2 and spaced >= 0.6 * len(lines) and not any("```" in x for x in lines)
