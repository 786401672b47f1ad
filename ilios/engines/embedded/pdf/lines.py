"""The lines of a page with their places, as PDFium gives them."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Final

import pypdfium2.raw as pdfium_c

from ilios.engines.embedded.image_files import Box

STACKED_SHARE: Final = 0.7
"""Where so many characters stand below the one before them, the page is written vertically."""
VERTICAL_SAMPLE: Final = 400
SAMPLED: Final = 8
"""One of so many characters is asked for its place, which costs more than all else."""
LETTER_GAP: Final = 0.15
"""A gap of at most so much of the height of a line is none between words."""
_UPRIGHT: Final = 0.05
_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_FIRST_SURROGATE: Final = 0xD800
_SURROGATES: Final = range(_FIRST_SURROGATE, 0xE000)
_HYPHEN: Final = 0xFFFE
_LAST_SIGN: Final = 0x10FFFF
_MOST_POINTS: Final = 1_000_000.0
_SCALE: Final = 16
"""PDFium maps to whole pixels; with so many per point nothing is lost."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of a page, and its bounds in points from the top left corner, as shown."""

    text: str
    box: Box

    @property
    def middle(self) -> tuple[float, float]:
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


def text_lines(page: Any, text_page: Any, turns: int) -> list[TextLine]:
    """Return the lines in PDFium's order; `turns` are those by which the page is read."""
    width, height = (min(side, _MOST_POINTS) for side in page.get_size())
    size = (height, width) if turns % 2 else (width, height)
    lines = whole(list(_lines(text_page)))
    return [TextLine(text, _shown(page, box, size, turns)) for text, box in lines if text.strip()]


def vertical(text_page: Any, text: str) -> str | None:
    """Return the text of a vertically written page, columns from right to left; else None."""
    if not _EAST_ASIAN.search(text) or not _is_stacked(text_page):
        return None
    columns = [(line.strip(), box) for line, box, _ in _lines(text_page) if line.strip()]
    tall = [line for line, (left, top, right, bottom) in columns if top - bottom > right - left]
    stacked = sum(len(line) for line in tall if len(line) > 1)
    letters = sum(len(line) for line, _ in columns)
    if stacked < STACKED_SHARE * letters:
        return None
    return "\n".join(_joined_columns(sorted(columns, key=lambda column: -column[1][2])))


def _joined_columns(columns: Sequence[tuple[str, Box]]) -> Iterator[str]:
    """Yield paragraphs: a column that reaches as far down as any flows into the next one."""
    lowest = min(box[3] for _, box in columns)
    width = median(box[2] - box[0] for _, box in columns)
    paragraph = ""
    for line, box in columns:
        paragraph += line
        if box[3] > lowest + 1.5 * width:
            yield paragraph
            paragraph = ""
    if paragraph:
        yield paragraph


def _is_stacked(text_page: Any) -> bool:
    places = [
        _origin(text_page, index)
        for index in range(min(text_page.count_chars(), VERTICAL_SAMPLE))
        if pdfium_c.FPDFText_GetUnicode(text_page.raw, index) > 32
    ]
    below = sum(abs(x - u) < 1 and y < v for (u, v), (x, y) in pairwise(places))
    return below >= STACKED_SHARE * max(len(places) - 1, 1) and len(places) > 1


def _origin(text_page: Any, index: int) -> tuple[float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium_c.FPDFText_GetCharOrigin(text_page.raw, index, x, y)
    return x.value, y.value


def whole(pieces: Sequence[tuple[str, Box, float]]) -> Iterator[tuple[str, Box]]:
    """Yield lines; those that run up or down, and that PDFium cut between letters, are joined."""
    text, box, angle = "", (0.0, 0.0, 0.0, 0.0), 0.0
    for piece, place, turn in pieces:
        if text and turn == angle and _continues(box, place, turn):
            text += piece
            box = _around_both(box, place)
            continue
        if text:
            yield text, box
        text, box, angle = piece, place, turn
    if text:
        yield text, box


def _continues(box: Box, place: Box, turn: float) -> bool:
    up, down = place[3] - box[1], box[3] - place[1]
    gap = up if abs(turn - 1.5 * math.pi) < _UPRIGHT else down
    width = max(box[2] - box[0], place[2] - place[0])
    overlap = min(box[2], place[2]) - max(box[0], place[0])
    is_turned = abs(math.cos(turn)) < _UPRIGHT
    return is_turned and abs(gap) < LETTER_GAP * width and overlap > width / 2


def _around_both(box: Box, place: Box) -> Box:
    return (
        min(box[0], place[0]),
        max(box[1], place[1]),
        max(box[2], place[2]),
        min(box[3], place[3]),
    )


def _lines(text_page: Any) -> Iterator[tuple[str, Box, float]]:
    """Yield each line, the left, top, right, bottom of its ink in page space, and its angle."""
    signs: list[int] = []
    inked: list[int] = []
    for index, sign in enumerate(_signs(text_page)):
        if sign == 10:
            if inked:
                yield _text(signs), _around(text_page, inked), _angle(text_page, inked[0])
            signs, inked = [], []
        elif sign != 13:
            signs.append(sign)
            if sign > 32:
                inked.append(index)
    if inked:
        yield _text(signs), _around(text_page, inked), _angle(text_page, inked[0])


def _angle(text_page: Any, index: int) -> float:
    """Return by how far a character is turned clockwise, in radians."""
    return round(float(pdfium_c.FPDFText_GetCharAngle(text_page.raw, index)), 2)


def _signs(text_page: Any) -> list[int]:
    """Return the characters of a page, by their indexes.

    Its text is had at once, and is the same but for broken words' hyphens, where each character
    has one code unit in it.
    """
    raw, unicode = text_page.raw, pdfium_c.FPDFText_GetUnicode
    count = text_page.count_chars()
    units = (ctypes.c_ushort * (count + 1))()
    if count and pdfium_c.FPDFText_GetText(raw, 0, count, units) == count + 1:
        signs = list(units)[:count]
        if not any(map(_SURROGATES.__contains__, set(signs))):
            return [unicode(raw, i) if s == _HYPHEN else s for i, s in enumerate(signs)]
    return [unicode(raw, index) for index in range(count)]


def _text(signs: Sequence[int]) -> str:
    """Return the text of code units, of which PDFium gives two for a letter beyond U+FFFF."""
    if max(signs, default=0) < _FIRST_SURROGATE:
        return "".join(map(chr, signs))
    units = "".join(chr(sign) if sign <= _LAST_SIGN else "\ufffd" for sign in signs)
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _around(text_page: Any, inked: Sequence[int]) -> Box:
    """Return the bounds of a line, from some of its characters and the last."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    boxes: list[Box] = []
    for index in (*inked[::SAMPLED], inked[-1]):
        pdfium_c.FPDFText_GetCharBox(text_page.raw, index, left, right, bottom, top)
        boxes.append((left.value, top.value, right.value, bottom.value))
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), max(tops), max(rights), min(bottoms)


def _shown(page: Any, box: Box, size: tuple[float, float], turns: int) -> Box:
    """Return bounds from the top left corner of a page of a size, as it is shown."""
    width, height = size
    across, down = ctypes.c_int(), ctypes.c_int()
    corners = []
    for x, y in ((box[0], box[1]), (box[2], box[3])):
        pdfium_c.FPDF_PageToDevice(
            page.raw,
            0,
            0,
            round(width * _SCALE),
            round(height * _SCALE),
            -turns % 4,
            x,
            y,
            across,
            down,
        )
        corners.append((across.value / _SCALE, down.value / _SCALE))
    (a, b), (c, d) = corners
    return min(a, c), min(b, d), max(a, c), max(b, d)
