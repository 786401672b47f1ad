"""Writing Markdown: escaping, emphasis, headings, lists and tables, alike for all formats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

HARD_BREAK = "  \n"
_ESCAPED_START = re.compile(r"^(\d{0,9})\\([.)>+-])")
_SPECIAL = re.compile(r"([\\`*_]|<(?=[A-Za-z/!?])|\[(?=[^\]\n]*\]\()|&(?=#?\w{1,12};))")
_LEADING = re.compile(
    r"^(\s*)(#{1,6}(?=\s|$)|[-+](?=\s|$)|>|={3,}$|-{3,}$|~{3,}|\d{1,9}[.)](?=\s|$))"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_SAFE_TARGET = re.compile(r"(https?:|mailto:|tel:)\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in one style. `text` is plain; a line break in it is a hard break."""

    text: str
    bold: bool = False
    italic: bool = False
    struck: bool = False
    target: str | None = None
    raw: bool = False  #: already Markdown, such as a reference to an image


def without_controls(text: str) -> str:
    return _CONTROL.sub("", text)


def escaped(text: str) -> str:
    """Escape text so that Markdown shows it literally in the middle of a line."""
    return _SPECIAL.sub(r"\\\1", without_controls(text))


def escaped_line(text: str) -> str:
    """Escape text so that Markdown shows it literally anywhere in a line."""
    return escaped_start(escaped(text))


def escaped_start(line: str) -> str:
    """Escape the start of a line that would begin a heading, a list or a quotation."""
    return _LEADING.sub(_escape_leading, line)


def _escape_leading(match: re.Match[str]) -> str:
    marker = match[2]
    if marker[0].isdigit():
        return f"{match[1]}{marker[:-1]}\\{marker[-1]}"
    return f"{match[1]}\\{marker}"


def inline(spans: Iterable[Span], *, styled: bool = True) -> str:
    """Write spans as the inline Markdown of one paragraph, white space collapsed."""
    merged = _merged(spans)
    parts: list[str] = []
    for index, span in enumerate(merged):
        before = merged[index - 1].text[-1:] if index else ""
        after = merged[index + 1].text[:1] if index + 1 < len(merged) else ""
        parts.append(_styled(span, before, after) if styled else _plain(span))
    joined = re.sub(r"[^\S\n]+", " ", "".join(parts))
    lines = [line.strip() for line in joined.strip().split("\n")]
    return HARD_BREAK.join(escaped_start(line) for line in lines if line)


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in spans:
        if not span.text:
            continue
        if merged and replace(merged[-1], text="") == replace(span, text=""):
            merged[-1] = replace(span, text=merged[-1].text + span.text)
        else:
            merged.append(span)
    return merged


def _plain(span: Span) -> str:
    text = span.text if span.raw else escaped(span.text)
    return _linked(text, span.target)


def _styled(span: Span, before: str, after: str) -> str:
    """Write a span, with emphasis if white space surrounds it: else `**` may not be recognised."""
    text = span.text if span.raw else escaped(span.text)
    core = text.strip()
    if span.raw or not core or "\n" in core:
        return _linked(text, span.target)
    head, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    stands_alone = not (before + head)[-1:].strip() and not (tail + after)[:1].strip()
    marks = ("**" * span.bold + "*" * span.italic + "~~" * span.struck) if stands_alone else ""
    return f"{head}{marks}{_linked(core, span.target)}{marks[::-1]}{tail}"


def _linked(text: str, target: str | None) -> str:
    label = text.strip()
    if target is None or not label or not _SAFE_TARGET.fullmatch(target):
        return text
    url = target.replace("(", "%28").replace(")", "%29")
    return text.replace(label, f"[{label}]({url})", 1)


def image(name: str, description: str = "") -> str:
    """Write a reference to an image file."""
    text = re.sub(r"[\[\]\s]+", " ", without_controls(description)).strip()
    return f"![{text}]({name})"


def heading(level: int, text: str) -> str:
    # A list or a quotation cannot begin inside a heading: `# 4. Results` needs no escape.
    flat = _ESCAPED_START.sub(r"\1\2", text.replace(HARD_BREAK, " ").strip())
    return f"{'#' * min(max(level, 1), 6)} {flat}" if flat else ""


def list_item(depth: int, marker: str, text: str) -> str:
    """Write a list item; further lines of `text` are indented to stay inside it."""
    indent = "    " * depth
    lines = text.split("\n")
    continued = [f"{indent}{' ' * (len(marker) + 1)}{line}" for line in lines[1:]]
    return "\n".join([f"{indent}{marker} {lines[0]}", *continued])


def indented(text: str) -> str:
    """Indent text so that it belongs to the list item above it."""
    return "\n".join(f"    {line}" if line else line for line in text.split("\n"))


def table(rows: Sequence[Sequence[str]]) -> str:
    """Write a table of cells that are Markdown already; empty rows and columns are left out.

    The first row is the head. Of a table with one cell, which is only a frame, the text remains.
    """
    kept = [[_cell(cell) for cell in row] for row in rows]
    kept = [row for row in kept if any(row)]
    if not kept:
        return ""
    filled = [column for column in zip_longest(*kept, fillvalue="") if any(column)]
    squared = list(zip(*filled, strict=True))
    if len(squared) == 1 and len(squared[0]) == 1:
        return str(squared[0][0]).replace("\\|", "|")
    lines = [f"| {' | '.join(row)} |" for row in squared]
    lines.insert(1, "|" + " --- |" * len(filled))
    return "\n".join(lines)


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def blocks(parts: Iterable[str]) -> str:
    """Join blocks by empty lines; items of one list stay together."""
    joined = ""
    previous = ""
    for part in parts:
        if not part.strip():
            continue
        tight = _is_item(previous) and _is_item(part)
        joined += ("\n" if tight else "\n\n") * bool(joined) + part.rstrip()
        previous = part
    return joined


def _is_item(part: str) -> bool:
    return re.match(r"\s*([-*+]|\d{1,9}[.)]) ", part) is not None
