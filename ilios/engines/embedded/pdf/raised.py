"""Raised and lowered figures, such as exponents and note marks, told by their places."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2.raw as pdfium_c

from ilios.engines.embedded import markdown

RAISED_SHARE: Final = 0.15
LOWERED_SHARE: Final = 0.07
"""How far a baseline lies from that of its neighbour, as a share of the neighbour's size."""
SMALLER: Final = 0.86
MAX_FIGURES: Final = 2_000
_MARKS: Final = r"\*{0,3}"
_FORMS: Final = {str(n): "⁰¹²³⁴⁵⁶⁷⁸⁹"[n] + "₀₁₂₃₄₅₆₇₈₉"[n] for n in range(10)}
_FIGURES = re.compile(r"(?<=\S)[-\u2212+\u2013]?\d+|(?<=\d)[a-z](?!\w)")
_FURTHER = re.compile(r"[,–-]\d+")
CONTEXT_CHARACTERS: Final = 40
CHARACTERS_SOUGHT: Final = 50_000_000
"""Each figure is sought in the whole page: on a very long one, the last are left as they are."""
FURTHER_MAX_CHARACTERS: Final = 100
_BREAKS = re.compile(r"[\r\n]")


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures that stand higher or lower than the text before them."""

    before: str  #: what stands before them in their line
    text: str
    raised: bool


def figures(text_page: Any, text: str) -> tuple[Figures, ...]:
    """Return the raised and lowered figures of a page in order; `text` is what PDFium gives."""
    if max(text, default="") > "\uffff":
        text = _in_code_units(text)
    found = _FIGURES.finditer(text)
    pairs = zip(range(MAX_FIGURES), found, strict=False)
    return tuple(part for _, match in pairs for part in _figures(text_page, text, match))


def written(layout: str, found: Sequence[Figures]) -> str:
    """Write figures of a page as raised or lowered in its Markdown, where they stand in it."""
    position = 0
    for part in found[: CHARACTERS_SOUGHT // max(len(layout), 1)]:
        match = _place(layout, part, position)
        if match is None:
            continue
        write = markdown.superscript if part.raised else markdown.subscript
        start, end = match.span("figures")
        scripted = write(part.text.replace("\u2013", "\u2212"))
        layout = layout[:start] + scripted + layout[end:]
        position = start
    return layout


def _place(layout: str, part: Figures, position: int) -> re.Match[str] | None:
    """Find figures by what stands before them; by their word alone only if it is the only one."""
    wanted = f"(?P<figures>{re.escape(part.text)})(?!\\d)"
    words = part.before.split()
    if not words:
        return None
    if len(words) > 1:
        context = re.compile(r"\s+".join(map(_loosely, words[1:])) + _MARKS + wanted)
        match = context.search(layout, position) or context.search(layout)
        if match:
            return match
    matches = list(re.finditer(rf"(?<!\w){_loosely(words[-1])}{_MARKS}{wanted}", layout))
    return matches[0] if len(matches) == 1 else None


def _loosely(word: str) -> str:
    """Return an expression for a word in Markdown, its figures perhaps raised or lowered."""
    return "".join(_sign(character) for character in word)


def _sign(character: str) -> str:
    if character in _FORMS:
        return f"[{character}{_FORMS[character]}]"
    return rf"(?:\\)?{re.escape(character)}"


def _in_code_units(text: str) -> str:
    """Return the text with two signs for each letter beyond U+FFFF, as PDFium counts them."""
    return "".join("\ufffd\ufffd" if character > "\uffff" else character for character in text)


def _figures(text_page: Any, text: str, match: re.Match[str]) -> Iterator[Figures]:
    """Yield the part of a run of figures that is set apart from what stands before it."""
    start, end = match.span()
    base = _baseline(text_page, start - 1)
    if base is None:
        return
    if _baseline(text_page, end - 1) == base:
        return
    last = start - 1
    for place in range(start, end):
        direction = _direction(text_page, last, place)
        if direction:
            before = _BREAKS.split(text[max(0, place - CONTEXT_CHARACTERS) : place])[-1]
            whole = _with_further(text_page, text, place, end)
            yield Figures(before, text[place:whole], direction > 0)
            return
        last = place


def _with_further(text_page: Any, text: str, place: int, end: int) -> int:
    """Return where figures end that go on at the same height: `1,2`, `3–5`."""
    height = _baseline(text_page, place)
    while end - place < FURTHER_MAX_CHARACTERS and (match := _FURTHER.match(text, end)):
        if any(_baseline(text_page, at) != height for at in range(*match.span())):
            break
        end = match.end()
    return end


def _direction(text_page: Any, base: int, place: int) -> int:
    """Return 1 for a raised, -1 for a lowered, 0 for a usual character."""
    at, here = _baseline(text_page, base), _baseline(text_page, place)
    if at is None or here is None or at == here:
        return 0
    size = _size(text_page, base)
    if not size or _size(text_page, place) > SMALLER * size:
        return 0
    share = (here - at) / size
    if share >= RAISED_SHARE:
        return 1 if share < 1 else 0
    return -1 if -1 < share <= -LOWERED_SHARE else 0


def _baseline(text_page: Any, text_index: int) -> float | None:
    index = pdfium_c.FPDFText_GetCharIndexFromTextIndex(text_page.raw, text_index)
    x, y = ctypes.c_double(), ctypes.c_double()
    if index < 0 or not pdfium_c.FPDFText_GetCharOrigin(text_page.raw, index, x, y):
        return None
    return y.value


def _size(text_page: Any, text_index: int) -> float:
    index = pdfium_c.FPDFText_GetCharIndexFromTextIndex(text_page.raw, text_index)
    matrix = pdfium_c.FS_MATRIX()
    if not pdfium_c.FPDFText_GetMatrix(text_page.raw, index, matrix):
        return 0.0
    scale = float((matrix.c**2 + matrix.d**2) ** 0.5)
    return abs(float(pdfium_c.FPDFText_GetFontSize(text_page.raw, index))) * scale
