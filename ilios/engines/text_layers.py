"""Putting text that is not seen onto pages of a PDF through PDFium, in a parser child."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2.raw as pdfium_c

from ilios.engines import invisible_font
from ilios.engines.embedded.pdf import page_images
from ilios.engines.page_structure import Box

Place = tuple[float, float]
Corners = tuple[Place, Place, Place]
"""Where the base line of a line of text begins and ends, and what is above its beginning."""
_WORD: Final = re.compile(r"\S+")
_STEPS: Final = 16  #: in which a point is measured
_HEIGHT: Final = 0.98
"""Of letters, in parts of their line: readers take equal texts that touch for one, drawn twice."""
_TURNS: Final = (
    (("l", "b"), ("r", "b"), ("l", "t")),
    (("l", "t"), ("l", "b"), ("r", "t")),
    (("r", "t"), ("l", "t"), ("r", "b")),
    (("r", "b"), ("r", "t"), ("l", "b")),
)
"""Where a line that is turned so many quarters clockwise begins, ends, and has its top."""


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line of text, and where it stands as the page is shown, in points from the top left."""

    text: str
    box: Box


class InvisibleText:
    """Writes onto the pages of an open PDF."""

    def __init__(self, pdf: Any, private: Mapping[str, int]) -> None:
        """Take the codes of all characters that are going to be written and need one."""
        self._pdf = pdf
        self._private = private
        font = _bytes(invisible_font.font_file())
        glyphs = _bytes(invisible_font.GLYPH_OF_CODE)
        self._font = pdfium_c.FPDFText_LoadCidType2Font(
            pdf.raw,
            font,
            len(font),
            invisible_font.character_map(private),
            glyphs,
            len(glyphs),
        )
        if not self._font:
            raise MemoryError

    def close(self) -> None:
        pdfium_c.FPDFFont_Close(self._font)

    def write(self, page: Any, lines: Iterable[PlacedLine], turns: int) -> Counter[str]:
        """Write lines onto a page, turned by quarters clockwise; return the letters written.

        A line over characters that the page has already is left out.
        """
        with closing(page.get_textpage()) as text_page:
            present = _centres(text_page)
        written: Counter[str] = Counter()
        for line in lines:
            corners = _corners(page, line.box, turns)
            if corners is None or any(_is_inside(centre, corners) for centre in present):
                continue
            for text, start, end in _runs(line.text):
                known = invisible_font.writable(text, self._private)
                if known:
                    codes = [self._private.get(c, ord(c)) for c in known]
                    self._write(page, codes, _along(corners, start, end))
                    written += _letters(known)
        if written:
            page.gen_content()
        return written

    def _write(self, page: Any, codes: Sequence[int], corners: Corners) -> None:
        (x, y), (end_x, end_y), (top_x, top_y) = corners
        width = len(codes) * invisible_font.EM_WIDTH
        text = pdfium_c.FPDFPageObj_CreateTextObj(self._pdf.raw, self._font, 1.0)
        pdfium_c.FPDFText_SetCharcodes(text, (ctypes.c_uint32 * len(codes))(*codes), len(codes))
        pdfium_c.FPDFTextObj_SetTextRenderMode(text, pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE)
        up_x, up_y = (top_x - x) * _HEIGHT, (top_y - y) * _HEIGHT
        matrix = pdfium_c.FS_MATRIX((end_x - x) / width, (end_y - y) / width, up_x, up_y, x, y)
        pdfium_c.FPDFPageObj_SetMatrix(text, matrix)
        pdfium_c.FPDFPage_InsertObject(page.raw, text)


def lacks_text(page: Any) -> bool:
    """Return whether a page shows something, but has no text of its own beyond a stamp's."""
    width, height = page.get_size()
    with closing(page.get_textpage()) as text_page:
        characters = sum(not c.isspace() for c in text_page.get_text_range())
    if not characters:
        return bool(pdfium_c.FPDFPage_CountObjects(page.raw))
    if characters >= page_images.SPARSE_CHARACTERS:
        return False
    return page_images.measured(page, width * height)[1] >= page_images.SCAN_SHARE


def letters_of(page: Any) -> Counter[str]:
    """Return how often a page has each letter and figure."""
    with closing(page.get_textpage()) as text_page:
        return _letters(text_page.get_text_range())


def _letters(text: str) -> Counter[str]:
    return Counter(c for c in unicodedata.normalize("NFKC", text) if c.isalnum())


def _centres(text_page: Any) -> list[Place]:
    boxes = map(text_page.get_charbox, range(text_page.count_chars()))
    return [((left + right) / 2, (bottom + top) / 2) for left, bottom, right, top in boxes]


def _corners(page: Any, box: Box, turns: int) -> Corners | None:
    """Return where a line begins, ends and has its top, in the page's own coordinates.

    None when it has no area.
    """
    left, top, right, bottom = box
    if right <= left or bottom <= top:
        return None
    sides = {"l": left, "r": right, "t": top, "b": bottom}
    begin, end, above = (_own(page, sides[x], sides[y]) for x, y in _TURNS[turns % 4])
    return begin, end, above


def _own(page: Any, x: float, y: float) -> Place:
    """Return the coordinates of a place on a page before it is cropped and rotated."""
    width, height = (round(side * _STEPS) for side in page.get_size())
    own_x, own_y = ctypes.c_double(), ctypes.c_double()
    pdfium_c.FPDF_DeviceToPage(
        page.raw, 0, 0, width, height, 0, round(x * _STEPS), round(y * _STEPS), own_x, own_y
    )
    return own_x.value, own_y.value


def _is_inside(place: Place, corners: Corners) -> bool:
    across, up = zip(*corners, strict=True)
    return min(across) <= place[0] <= max(across) and min(up) <= place[1] <= max(up)


def _runs(text: str) -> Iterator[tuple[str, float, float]]:
    """Yield what of a line runs in one direction, from where to where, in parts of the line.

    A script that runs from right to left comes word by word, each from its right end: that is how
    readers put letters into the order in which they are read.
    """
    count = Counter(map(unicodedata.bidirectional, text))
    if not count["R"] and not count["AL"]:
        yield text, 0.0, 1.0
        return
    is_turned = count["R"] + count["AL"] > count["L"]
    for word in _WORD.finditer(text):
        ends = [place / len(text) for place in word.span()]
        start, end = (1 - ends[1], 1 - ends[0]) if is_turned else ends
        if any(unicodedata.bidirectional(c) in ("R", "AL") for c in word[0]):
            start, end = end, start
        yield word[0], start, end


def _along(corners: Corners, start: float, end: float) -> Corners:
    """Return the corners of a part of a line."""
    (x, y), (end_x, end_y), (top_x, top_y) = corners
    across, up = end_x - x, end_y - y
    moved = across * start, up * start
    return (
        (x + moved[0], y + moved[1]),
        (x + across * end, y + up * end),
        (top_x + moved[0], top_y + moved[1]),
    )


def _bytes(content: bytes) -> Any:
    return (ctypes.c_uint8 * len(content)).from_buffer_copy(content)
