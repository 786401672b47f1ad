"""The images of a page: how many pixels they have, and how much of the page they cover."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import pypdfium2.raw as pdfium_c

MAX_IMAGES_MEASURED: Final = 2_000
MAX_OBJECTS: Final = 1_000_000
MAX_DEPTH: Final = 4
SPARSE_CHARACTERS: Final = 200
"""A stamp, a page number or a file name on a scan is shorter than this."""
SCAN_SHARE: Final = 0.5
"""An image that covers at least this share of a page with sparse text is a scan."""
_IMAGE, _FORM = pdfium_c.FPDF_PAGEOBJ_IMAGE, pdfium_c.FPDF_PAGEOBJ_FORM


def measured(page: Any, page_area: float) -> tuple[int, float]:
    """Return the pixels of the largest image, and the share of the page that the widest covers."""
    pixels, share = 0, 0.0
    images = (item for item, kind in islice(_objects(page), MAX_OBJECTS) if kind == _IMAGE)
    for image in islice(images, MAX_IMAGES_MEASURED):
        pixels = max(pixels, _pixels(image))
        share = max(share, min(1.0, _area(image) / max(page_area, 1)))
    return pixels, share


def _objects(page: Any) -> Iterator[tuple[Any, int]]:
    """Yield the objects of a page, and those inside of forms, with their kinds."""
    raw, kind_of = page.raw, pdfium_c.FPDFPageObj_GetType
    for index in range(pdfium_c.FPDFPage_CountObjects(raw)):
        item = pdfium_c.FPDFPage_GetObject(raw, index)
        kind = kind_of(item)
        yield item, kind
        if kind == _FORM:
            yield from _inside(item, MAX_DEPTH - 1)


def _inside(form: Any, depth: int) -> Iterator[tuple[Any, int]]:
    for index in range(pdfium_c.FPDFFormObj_CountObjects(form)):
        item = pdfium_c.FPDFFormObj_GetObject(form, index)
        kind = pdfium_c.FPDFPageObj_GetType(item)
        yield item, kind
        if kind == _FORM and depth > 1:
            yield from _inside(item, depth - 1)


def _pixels(image: Any) -> int:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    if not pdfium_c.FPDFImageObj_GetImagePixelSize(image, width, height):
        return 0
    return width.value * height.value


def _area(image: Any) -> float:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not pdfium_c.FPDFPageObj_GetBounds(image, left, bottom, right, top):
        return 0.0
    return abs((right.value - left.value) * (top.value - bottom.value))
