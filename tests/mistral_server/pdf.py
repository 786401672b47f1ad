"""PDFs through pdfium: page count, text layer, places of raster images. One thread at a time."""

from __future__ import annotations

import ctypes
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2 as pdfium
from pypdfium2 import raw

DPI = 200
PIXELS_PER_POINT = DPI / 72
FORM_DEPTH = 3  #: of forms within forms that are searched for images
JPEG_QUALITY = 80


class UnreadablePdf(Exception):
    """Damaged, encrypted, or no PDF."""


@dataclass(frozen=True, slots=True)
class Box:
    """In pixels of the page at 200 dpi, from its top left corner."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def shorter_side(self) -> int:
        return min(self.right - self.left, self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class PageContent:
    """What a page holds. Width and height are in pixels; None where a page has no size."""

    text: str
    size: tuple[int, int] | None = None
    images: tuple[Box, ...] = ()


def read(
    source: bytes | Path, select: Callable[[int], list[int]]
) -> tuple[int, dict[int, PageContent]]:
    """Return the page count, and those pages that `select` names when it is told the count."""
    document = _open(source)
    try:
        count = len(document)
        return count, {index: _page(document, index) for index in select(count)}
    finally:
        document.close()


def images(source: bytes | Path, index: int) -> list[bytes]:
    """Return the raster images of a page as JPEG, in the order of `PageContent.images`."""
    document = _open(source)
    try:
        page = document[index]
        height = page.get_height()
        found = [_jpeg(page, one) for one, _ in _rasters(page.raw, height)]
        page.close()
        return found
    finally:
        document.close()


def _open(source: bytes | Path) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(source)
    except pdfium.PdfiumError as error:
        raise UnreadablePdf(str(error)) from None


def _page(document: pdfium.PdfDocument, index: int) -> PageContent:
    try:
        page = document[index]
    except pdfium.PdfiumError as error:
        raise UnreadablePdf(str(error)) from None
    width, height = page.get_size()
    textpage = page.get_textpage()
    text = textpage.get_text_range().replace("\r\n", "\n").strip()
    boxes = tuple(box for _, box in _rasters(page.raw, height))
    textpage.close()
    page.close()
    return PageContent(text, (_pixels(width), _pixels(height)), boxes)


def _rasters(page: object, height: float) -> Iterator[tuple[object, Box]]:
    """Yield raster images that a page paints; by the C API, for pages of many objects."""
    count = raw.FPDFPage_CountObjects(page)
    yield from _within(lambda number: raw.FPDFPage_GetObject(page, number), count, height, 0)


def _within(
    get: Callable[[int], object], count: int, height: float, depth: int
) -> Iterator[tuple[object, Box]]:
    for number in range(count):
        one = get(number)
        kind = raw.FPDFPageObj_GetType(one)
        if kind == raw.FPDF_PAGEOBJ_IMAGE:
            yield one, _box(one, height)
        elif kind == raw.FPDF_PAGEOBJ_FORM and depth < FORM_DEPTH:
            inner = raw.FPDFFormObj_CountObjects(one)

            def get_inner(number: int, form: object = one) -> object:
                return raw.FPDFFormObj_GetObject(form, number)

            yield from _within(get_inner, inner, height, depth + 1)


def _box(one: object, height: float) -> Box:
    """Guess: boxes of images in forms and on turned pages are those of their own space."""
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    raw.FPDFPageObj_GetBounds(one, left, bottom, right, top)
    return Box(
        _pixels(left.value),
        _pixels(height - top.value),
        _pixels(right.value),
        _pixels(height - bottom.value),
    )


def _pixels(points: float) -> int:
    return round(points * PIXELS_PER_POINT)


def _jpeg(page: pdfium.PdfPage, one: object) -> bytes:
    image = pdfium.PdfImage(one, page=page, pdf=page.pdf)
    out = io.BytesIO()
    image.get_bitmap().to_pil().convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
