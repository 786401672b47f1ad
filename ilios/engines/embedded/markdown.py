"""Writing Markdown: escaping, emphasis, headings, lists and tables, alike for all formats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import zip_longest
from operator import attrgetter

from ilios.engines.embedded import output_limits

HARD_BREAK = "  \n"
_ESCAPED_START = re.compile(r"^(\d{0,9})\\([.)>+-])")
_SPECIAL = re.compile(
    r"([\\`*_]|<(?=[A-Za-z/!?])|~(?=~)|(?<=~)~|\[(?=\^)|\](?=\()|&(?=#?\w{1,12};))"
)
_MAY_BE_SPECIAL = re.compile(r"[\\`*_<~\[\]&]")
#: What begins a heading, a list, a quotation, a rule, a fence, a table or a link's definition.
_LEADING = re.compile(
    r"^(\s*)(#{1,6}(?=\s|$)|[-+](?=\s|$)|>|[=-]+(?=\s*$)|\d{1,9}[.)](?=\s|$)"
    r"|[|:-](?=[-|: ]*-[-|: ]*$)|\[(?=[^\]\n]+\]:))"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]")
#: Stand for tags until the text is escaped: noncharacters, which no text may contain.
_MARKS = {"<sup>": "\ufdd0", "</sup>": "\ufdd1", "<sub>": "\ufdd2", "</sub>": "\ufdd3"}
_DOLLAR = "\ufdd4"
DOLLARS = re.compile(r"\$(?=\S)[^$\n]*(?<=\S)\$(?!\d)|\$\$")
_TAGS = {mark: tag for tag, mark in _MARKS.items()} | {_DOLLAR: "\\$"}
_SUPERSCRIPTS = dict(zip("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ", strict=True))
_SUBSCRIPTS = dict(zip("0123456789+-−=()ni", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₙᵢ", strict=True))
_INDENT = "    "
_CELL_BARS = " | "
_CLOSING_HASHES = re.compile(r"(^|\s)(#+)$")
_PIPE = re.compile(r"(?<!\\)((?:\\\\)*)\|")
_ITEM = re.compile(r"( *)(?:[-*+]|\d{1,9}[.)]) ")
_SAFE_TARGET = re.compile(r"(https?:|mailto:|tel:)\S+", re.IGNORECASE)


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


def without_controls(text: str) -> str:
    return text if text.isprintable() else _CONTROL.sub("", text)


def escaped(text: str) -> str:
    """Escape text so that Markdown shows it literally in the middle of a line."""
    text = _escaped_inside(without_controls(text))
    return text.replace("$", "\\$") if "$" in text and _DOLLARS.search(text) else text


def _escaped_inside(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text) if _MAY_BE_SPECIAL.search(text) else text


def escaped_line(text: str) -> str:
    """Escape text so that Markdown shows it literally anywhere in a line."""
    return escaped_start(escaped(text))


def escaped_start(line: str) -> str:
    """Escape the start of a line that would begin a heading, a list or a quotation."""
    return _LEADING.sub(_escape_leading, line)


def superscript(text: str) -> str:
    """Write raised text: in Unicode where every character has a raised form, else in `<sup>`."""
    return _tagged(_escaped_inside(_scripted(without_controls(text), "sup", _SUPERSCRIPTS)))


def subscript(text: str) -> str:
    """Write lowered text: in Unicode where every character has a lowered form, else in `<sub>`."""
    return _tagged(_escaped_inside(_scripted(without_controls(text), "sub", _SUBSCRIPTS)))


def _scripted(text: str, tag: str, forms: dict[str, str]) -> str:
    core = text.strip()
    if not core or "\n" in core:
        return text
    if all(character in forms for character in core):
        written = "".join(forms[character] for character in core)
    else:
        written = f"{_MARKS[f'<{tag}>']}{core}{_MARKS[f'</{tag}>']}"
    return text.replace(core, written, 1)


def _tagged(text: str) -> str:
    if not text.isascii():
        for mark, tag in _TAGS.items():
            text = text.replace(mark, tag)
    return text


def _escape_leading(match: re.Match[str]) -> str:
    marker = match[2]
    if marker[0].isdigit():
        return f"{match[1]}{marker[:-1]}\\{marker[-1]}"
    return f"{match[1]}\\{marker}"


def inline(spans: Iterable[Span], *, styled: bool = True) -> str:
    """Write spans as the inline Markdown of one paragraph, white space collapsed."""
    merged = _without_dollars(_merged(spans))
    parts: list[str] = []
    for index, span in enumerate(merged):
        before = merged[index - 1].text[-1:] if index else ""
        after = merged[index + 1].text[:1] if index + 1 < len(merged) else ""
        if span.formula:
            parts.append(_apart(span.text, before, after))
        else:
            parts.append(_styled(span, before, after) if styled else _plain(span))
    lines = [" ".join(line.split()) for line in "".join(parts).split("\n")]
    return HARD_BREAK.join(_tagged(escaped_start(line)) for line in lines if line)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Join spans of one style: first as they are, so that a raised "[1]" is one, then written."""
    return _joined(map(_with_scripts, _joined(spans)))


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
    if not any(span.formula or ("$" in span.text and DOLLARS.search(span.text)) for span in spans):
        return spans
    return [
        span
        if span.raw or span.formula or span.code
        else span.saying(span.text.replace("$", _DOLLAR))
        for span in spans
    ]


def _apart(formula: str, before: str, after: str) -> str:
    """Put spaces around a formula where a sign next to it would be taken for its own."""
    return f"{' ' * (before == '$')}{formula}{' ' * after.isdigit()}"


def _with_scripts(span: Span) -> Span:
    """Write the superscript or subscript into the text, so that emphasis does not end at it."""
    if span.raw or span.formula:
        return span
    text = without_controls(span.text)
    if span.superscript:
        text = _scripted(text, "sup", _SUPERSCRIPTS)
    elif span.subscript:
        text = _scripted(text, "sub", _SUBSCRIPTS)
    elif text == span.text:
        return span
    is_code = span.code and not (span.superscript or span.subscript)
    return replace(span, text=text, superscript=False, subscript=False, code=is_code)


def _written(span: Span) -> str:
    if span.raw:
        return span.text
    if span.code:
        return re.sub(r"\S(?:[^\n]*\S)?", lambda match: code(match[0]), span.text)
    return _escaped_inside(span.text)


def _plain(span: Span) -> str:
    text = _written(span)
    return _linked(text, span.target)


def _styled(span: Span, before: str, after: str) -> str:
    """Write a span, with emphasis if white space surrounds it: else `**` may not be recognised."""
    text = _written(span)
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


def code(text: str) -> str:
    """Write a line as code, between as many backticks as it needs."""
    core = " ".join(text.split())
    ticks = "`" * (max(map(len, re.findall("`+", core)), default=0) + 1)
    pad = " " * (core.startswith("`") or core.endswith("`"))
    return f"{ticks}{pad}{core}{pad}{ticks}"


def code_block(text: str) -> str:
    """Write lines as a block of code, behind a fence that they do not hold themselves."""
    lines = without_controls(text).strip("\n")
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", lines))])
    return f"{fence}\n{lines}\n{fence}" if lines.strip() else ""


def image(name: str, description: str = "") -> str:
    """Write a reference to an image file."""
    text = re.sub(r"[\[\]\s]+", " ", without_controls(description)).strip()
    return f"![{text}]({name})"


def heading(level: int, text: str) -> str:
    # A list or a quotation cannot begin inside a heading: `# 4. Results` needs no escape.
    flat = _ESCAPED_START.sub(r"\1\2", text.replace(HARD_BREAK, " ").strip())
    flat = _CLOSING_HASHES.sub(r"\1\\\2", flat)
    return f"{'#' * min(max(level, 1), 6)} {flat}" if flat else ""


def list_item(depth: int, marker: str, text: str) -> str:
    """Write a list item; further lines of `text` are indented to stay inside it."""
    indent = _INDENT * depth
    lines = text.split("\n")
    continued = [f"{indent}{' ' * (len(marker) + 1)}{line}" for line in lines[1:]]
    return "\n".join([f"{indent}{marker} {lines[0]}", *continued])


def labelled(label: str, text: str) -> str:
    """Write the label of a list item or heading that is no plain number before its Markdown."""
    return f"{escaped_line(label.strip())} {text}".strip()


def indented(text: str) -> str:
    """Indent text so that it belongs to the list item above it."""
    return "\n".join(f"{_INDENT}{line}" if line else line for line in text.split("\n"))


def table(rows: Sequence[Sequence[str]]) -> str:
    """Write a table of cells that are Markdown already; empty rows and columns are left out.

    The first row is the head. Of a table with one cell, which is only a frame, the text remains.
    Raises DocumentTooLarge: repeated cells and wide rows make small files endless.
    """
    output_limits.refuse_page_of(_table_size(rows))
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


def _table_size(rows: Sequence[Sequence[str]]) -> int:
    """Return about how many characters a table gets: its texts, and the bars of every cell."""
    widest = filled = characters = 0
    for row in rows:
        width = max((n for n, cell in enumerate(row, start=1) if cell), default=0)
        widest = max(widest, width)
        filled += width > 0
        characters += sum(map(len, row))
    return characters + len(_CELL_BARS) * widest * filled


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
