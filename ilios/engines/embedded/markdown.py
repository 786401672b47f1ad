"""Writing Markdown: escaping, emphasis, headings, lists and tables, alike for all formats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import zip_longest
from operator import attrgetter, is_

from ilios.engines import document_errors
from ilios.engines.embedded import escaping, limits, output_limits, scripts
from ilios.engines.embedded.escaping import escaped as escaped
from ilios.engines.embedded.escaping import escaped_line as escaped_line
from ilios.engines.embedded.escaping import escaped_start as escaped_start
from ilios.engines.embedded.escaping import without_controls as without_controls
from ilios.engines.embedded.links import address as address
from ilios.engines.embedded.links import is_safe as is_safe
from ilios.engines.embedded.links import note as note

HARD_BREAK = "  \n"
_ESCAPED_START = re.compile(r"^(\d{0,9})\\([.)>+-])")
_INDENT = "    "
_CELL_BARS = " | "
_CLOSING_HASHES = re.compile(r"(^|\s)(#+)$")
_NOTE = re.compile(r"\[\^[^\]]+\]")
_PIPE = re.compile(r"(?<!\\)((?:\\\\)*)\|")
_ITEM = re.compile(r"( *)(?:[-*+]|\d{1,9}[.)]) ")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in one style. `text` is plain; a line break in it is a hard break."""

    text: str
    bold: bool = False
    italic: bool = False
    struck: bool = False
    superscript: bool = False
    subscript: bool = False
    code: bool = False
    target: str | None = None
    raw: bool = False  #: already Markdown, such as a reference to an image
    formula: bool = False  #: LaTeX between its signs, as `formulas.latex.written` gives it

    def saying(self, text: str) -> Span:
        """Return a span of this style with another text; much faster than `replace`."""
        return Span(text, *_style(self))


_style = attrgetter(*(field.name for field in fields(Span) if field.name != "text"))


def superscript(text: str) -> str:
    """Write raised text: in Unicode where every character has a raised form, else in `<sup>`."""
    return scripts.tagged(escaping.inside(scripts.raised(without_controls(text))))


def subscript(text: str) -> str:
    """Write lowered text: in Unicode where every character has a lowered form, else in `<sub>`."""
    return scripts.tagged(escaping.inside(scripts.lowered(without_controls(text))))


def inline(spans: Iterable[Span], *, styled: bool = True) -> str:
    """Write spans as the Markdown of one paragraph; without styles it is one line, as in a cell."""
    merged = _without_dollars(_merged(spans))
    if not merged:
        return ""
    parts: list[str] = []
    before = ""
    for span, after in zip(merged, _followings(merged), strict=True):
        if span.formula:
            parts.append(_apart(span.text, before, after))
        else:
            text = _behind_note(parts, _written(span, before, after))
            parts.append(_styled(span, text, before, after) if styled else _linked(text, span))
        before = "`" if span.code and not span.text[-1].isspace() else span.text[-1:]
    text = "".join(parts)
    lines = [" ".join(line.split()) for line in (text.split("\n") if styled else [text])]
    written = HARD_BREAK.join(scripts.tagged(escaped_start(line)) for line in lines if line)
    return escaped_start(written) if written.startswith("[") else written


def _followings(spans: Sequence[Span]) -> list[str]:
    """Return what stands behind each span, as far as signs at its end depend on it."""
    if len(spans) == 1:
        return [""]
    found: list[str] = []
    following = ""
    for span in reversed(spans):
        found.append(following)
        following = f"{_start(span)}{following}"[: escaping.LOOKAHEAD]
    return found[::-1]


def _start(span: Span) -> str:
    """Return how a span begins once it is written."""
    if span.text[0].isspace():
        return span.text[: escaping.LOOKAHEAD]
    if _is_linked(span) or (span.raw and span.text[0] == "["):
        return escaping.BRACKET
    return "`" if span.code else span.text[: escaping.LOOKAHEAD]


def _behind_note(parts: Sequence[str], text: str) -> str:
    """Escape what would make a link or a definition of the note before it."""
    if text[:1] not in ("(", ":") or not parts or not _NOTE.fullmatch(parts[-1]):
        return text
    begins_line = len(parts) == 1 or parts[-2].endswith("\n")
    return f"\\{text}" if begins_line or text[0] == "(" else text


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Join spans of one style: first as they are, so that a raised "[1]" is one, then written."""
    joined = _joined(spans)
    written = [_with_scripts(span) for span in joined]
    return joined if all(map(is_, written, joined)) else _joined(written)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    texts: list[str] = []
    last = None
    for span in spans:
        if not span.text:
            continue
        if last is not None and not span.formula and _style(last) == _style(span):
            texts.append(span.text)
            continue
        if last is not None:
            joined.append(_with_text(last, texts))
        last, texts = span, [span.text]
    return joined if last is None else [*joined, _with_text(last, texts)]


def _with_text(span: Span, texts: Sequence[str]) -> Span:
    return span if len(texts) == 1 else span.saying("".join(texts))


def _without_dollars(spans: list[Span]) -> list[Span]:
    """Escape dollar signs that would begin or end a formula."""
    if not any("$" in span.text for span in spans):
        return spans
    text = "".join(span.text for span in spans if not (span.raw or span.code))
    if not any(span.formula for span in spans) and not escaping.has_dollars(text):
        return spans
    return [
        span
        if span.raw or span.formula or span.code
        else span.saying(span.text.replace("$", scripts.DOLLAR))
        for span in spans
    ]


def _apart(formula: str, before: str, after: str) -> str:
    """Put spaces around a formula where a sign next to it would be taken for its own."""
    return f"{' ' * (before == '$')}{formula}{' ' * after[:1].isdigit()}"


def _with_scripts(span: Span) -> Span:
    """Write the superscript or subscript into the text, so that emphasis does not end at it."""
    is_plain = span.text.isprintable() and not (span.superscript or span.subscript)
    if is_plain or span.raw or span.formula:
        return span
    text = without_controls(span.text)
    if span.superscript:
        text = scripts.raised(text)
    elif span.subscript:
        text = scripts.lowered(text)
    elif text == span.text:
        return span
    is_code = span.code and not (span.superscript or span.subscript)
    return replace(span, text=text, superscript=False, subscript=False, code=is_code)


def _written(span: Span, before: str, after: str) -> str:
    if span.raw:
        return span.text
    if span.code and not (before == "`" and span.text[0].strip()):
        return re.sub(r"\S(?:[^\n]*\S)?", lambda match: code(match[0]), span.text)
    if _is_linked(span):
        return escaping.label(span.text)
    return escaping.inside(span.text, after)


def _styled(span: Span, text: str, before: str, after: str) -> str:
    """Write a span, with emphasis if white space surrounds it: else `**` may not be recognised."""
    core = text.strip()
    if span.raw or not core or "\n" in core:
        return _linked(text, span)
    head, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    stands_alone = not (before + head)[-1:].strip() and not (tail + after)[:1].strip()
    marks = ("**" * span.bold + "*" * span.italic + "~~" * span.struck) if stands_alone else ""
    return f"{head}{marks}{_linked(core, span)}{marks[::-1]}{tail}"


def _is_linked(span: Span) -> bool:
    return span.target is not None and is_safe(span.target)


def _linked(text: str, span: Span) -> str:
    label = text.strip()
    if span.target is None or not label or not _is_linked(span):
        return text
    return text.replace(label, f"[{label}]({address(span.target)})", 1)


def code(text: str) -> str:
    """Write a line as code, between as many backticks as it needs."""
    core = " ".join(text.split())
    ticks = "`" * (max(map(len, re.findall("`+", core)), default=0) + 1)
    pad = " " * (core.startswith("`") or core.endswith("`"))
    return f"{ticks}{pad}{core}{pad}{ticks}"


def code_block(text: str, language: str = "") -> str:
    """Write lines as a block of code, behind a fence that they do not hold themselves.

    `language` is one word without backticks.
    """
    lines = without_controls(text).strip("\n")
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", lines))])
    return f"{fence}{language}\n{lines}\n{fence}" if lines.strip() else ""


def image(name: str, description: str = "") -> str:
    """Write a reference to an image file."""
    text = escaped(re.sub(r"[\[\]\s]+", " ", description).strip())
    return f"![{text}]({name})"


def heading(level: int, text: str) -> str:
    # A list or a quotation cannot begin inside a heading: `# 4. Results` needs no escape.
    flat = _ESCAPED_START.sub(r"\1\2", text.replace(HARD_BREAK, " ").strip())
    flat = _CLOSING_HASHES.sub(r"\1\\\2", flat)
    return f"{'#' * min(max(level, 1), 6)} {flat}" if flat else ""


def list_item(depth: int, marker: str, text: str) -> str:
    """Write a list item; further lines of `text` are indented to stay inside it."""
    indent = _INDENT * min(depth, limits.LIST_MAX_DEPTH)
    lines = text.split("\n")
    continued = [f"{indent}{' ' * (len(marker) + 1)}{line}" for line in lines[1:]]
    return "\n".join([f"{indent}{marker} {lines[0]}", *continued])


def labelled(label: str, text: str) -> str:
    """Write the label of a list item or heading that is no plain number before its Markdown."""
    shown = escaped(label.strip())
    return escaped_start(f"{shown} {text}".strip()) if shown else text


def indented(text: str) -> str:
    """Indent text so that it belongs to the list item above it."""
    return "\n".join(f"{_INDENT}{line}" if line else line for line in text.split("\n"))


def table(rows: Sequence[Sequence[str]]) -> str:
    """Write a table of cells that are Markdown already; empty rows and columns are left out.

    The first row is the head. Of a table with one cell, which is only a frame, the text remains.
    Raises DocumentTooLarge: repeated cells and wide rows make small files endless.
    """
    _refuse_endless(rows)
    kept = [[_cell(cell) for cell in row] for row in rows]
    kept = [row for row in kept if any(row)]
    if not kept:
        return ""
    filled = [column for column in zip_longest(*kept, fillvalue="") if any(column)]
    squared = list(zip(*filled, strict=True))
    if len(squared) == 1 and len(squared[0]) == 1:
        return escaped_start(str(squared[0][0]).replace("\\|", "|"))
    lines = [f"| {' | '.join(row)} |" for row in squared]
    lines.insert(1, "|" + " --- |" * len(filled))
    return "\n".join(lines)


def _refuse_endless(rows: Sequence[Sequence[str]]) -> None:
    """Count the cells of a table, empty ones among them, and its characters, before it is built."""
    widest = filled = characters = 0
    for row in rows:
        width = max((n for n, cell in enumerate(row, start=1) if cell), default=0)
        widest = max(widest, width)
        filled += width > 0
        characters += sum(map(len, row))
    if widest * (filled - 1) > limits.SHEET_MAX_CELLS:  # a sheet may be cut within its last row
        raise document_errors.too_large(
            f"A table of the document has {filled:,} rows of up to {widest:,} cells",
            f"{limits.SHEET_MAX_CELLS:,} cells",
        )
    output_limits.refuse_page_of(characters + len(_CELL_BARS) * widest * filled)


def _cell(text: str) -> str:
    return _PIPE.sub(r"\1\\|", " ".join(text.split()))


def blocks(parts: Iterable[str]) -> str:
    """Join blocks by empty lines; items of one list stay together.

    An item that is deeper than the list before it allows, which Markdown would take for code, is
    written as deep as allowed. Raises DocumentTooLarge.
    """
    joined: list[str] = []
    size = 0
    depths: list[int] = []
    tight_before = False
    for part in parts:
        if not part.strip():
            continue
        is_item = _ITEM.match(part) is not None
        if joined:
            joined.append("\n" if is_item and tight_before else "\n\n")
        joined.append(_at_its_depth(part, depths, is_item=is_item).rstrip())
        tight_before = is_item
        size += len(part)
        output_limits.refuse_page_of(size)
    return "".join(joined)


def _at_its_depth(part: str, depths: list[int], *, is_item: bool) -> str:
    """Move a block left to the depth that the list before it allows.

    `depths` are those of the open list's items, outermost first, as the blocks have them.
    """
    depth = (len(part) - len(part.lstrip(" "))) // len(_INDENT)
    if is_item:
        while depths and depths[-1] > depth:
            depths.pop()
        if not depths or depths[-1] < depth:
            depths.append(depth)
        allowed = len(depths) - 1
    else:
        if not depth:
            depths.clear()
        allowed = min(depth, len(depths))
    moved = len(_INDENT) * (depth - allowed)
    if not moved:
        return part
    return "\n".join(line[moved:] if line[:moved].isspace() else line for line in part.split("\n"))
