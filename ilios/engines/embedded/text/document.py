"""Plain text and Markdown files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ilios.engines import document_errors
from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.embedded import markdown
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.text.decoding import decoded_with_warnings, read_limited, refuse_binary

_RULE = re.compile(r"^\s*([-=_*~#.])\1{4,}\s*$")
_BULLET = re.compile(r"^([-*]) +(?=[\"'(\[]?[^\W\d])")
"""Not before a number, which the bullet of a list would rob of its sign."""
_NUMBER = re.compile(r"^([1-9]\d{0,3}|0)([.)]) +(?=\S)")
"""Without leading zeros, which a list does not show."""


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del workspace, threads
    read = decoded_with_warnings(read_limited(source.path, "text"))
    text = read.text
    if not text.strip():
        raise document_errors.empty("text")
    refuse_binary(text)
    is_markdown = source.media_type == media_types.MARKDOWN
    written = _without_blank_ends(text) if is_markdown else from_plain_text(text)
    return FlowDocument([FlowPage(written, warnings=read.warnings)])


def _without_blank_ends(text: str) -> str:
    return re.sub(r"\A(?:[^\S\n]*\n)+", "", text).rstrip()


def from_plain_text(text: str) -> str:
    """Write plain text as Markdown that keeps its lines and paragraphs."""
    paragraphs = re.split(
        r"\n\s*\n", markdown.without_controls(text.replace("\f", "\n\n")).strip("\n")
    )
    blocks = [[line for line in p.expandtabs(4).split("\n") if line.strip()] for p in paragraphs]
    counted = _counted_lines(blocks)
    return markdown.blocks(_paragraph(lines, counted) for lines in blocks)


def _paragraph(lines: list[str], counted: Iterator[bool]) -> str:
    in_lists = [next(counted) for _ in lines]
    if _is_columnar(lines):
        return "\n".join(["```text", *map(str.rstrip, lines), "```"])
    parts = (
        _line(line.strip(), is_counted=is_item)
        for line, is_item in zip(lines, in_lists, strict=True)
    )
    return markdown.HARD_BREAK.join(parts)


def _line(line: str, *, is_counted: bool) -> str:
    if line[0].isalpha():  # most lines: no sign that begins a block
        return markdown.escaped(line)
    if _RULE.match(line):
        return "\\" + line
    item = _BULLET.match(line) or (_NUMBER.match(line) if is_counted else None)
    if item is None:
        return markdown.escaped_line(line)
    return f"{item[0].rstrip()} {markdown.escaped_line(line[item.end() :])}"


def _counted_lines(blocks: Sequence[Sequence[str]]) -> Iterator[bool]:
    """Tell for every line whether it is an item of a list that counts on as Markdown does.

    Any other number at the start of a line, such as a year or a date, is text; so is that of a list
    that begins anew right behind another one, for Markdown would count on.
    """
    lines = [line.strip() for block in blocks for line in block]
    closing = set(_block_starts(blocks)) - {
        n for n, line in enumerate(lines) if _NUMBER.match(line)
    }
    counted: set[int] = set()
    open_mark, closed_up_to = "", 0
    for run, mark in _runs(lines):
        if any(n in closing for n in range(closed_up_to, run[0])):
            open_mark = ""
        if mark != open_mark:
            counted.update(run)
            open_mark = mark
        closed_up_to = run[-1]
    return (n in counted for n in range(len(lines)))


def _block_starts(blocks: Sequence[Sequence[str]]) -> Iterator[int]:
    start = 0
    for block in blocks:
        yield start
        start += len(block)


def _runs(lines: Sequence[str]) -> Iterator[tuple[list[int], str]]:
    """Yield the places of lines that count on from each other, and the mark behind their number."""
    run: list[int] = []
    expected = (0, "")
    for place, line in enumerate(lines):
        item = _NUMBER.match(line)
        if item is None:
            continue
        if (int(item[1]), item[2]) != expected:
            if len(run) > 1:
                yield run, expected[1]
            run = []
        run.append(place)
        expected = (int(item[1]) + 1, item[2])
    if len(run) > 1:
        yield run, expected[1]


def _is_columnar(lines: list[str]) -> bool:
    """Return whether lines are laid out with runs of spaces, as a table or a drawing is."""
    spaced = sum("   " in line.strip() for line in lines)
    return len(lines) >= 2 and spaced >= 0.6 * len(lines) and not any("```" in x for x in lines)
