"""PDF pages through PDFium: plain text, sizes of images, rendering."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ilios.engines import document_errors
from ilios.engines.embedded import limits
from ilios.engines.embedded.ocr.detection import Image
from ilios.engines.embedded.pdf import rtl
from ilios.engines.pdf_opening import UnreadablePdf, open_pdf

ANGLE_SAMPLE_CHARACTERS: Final = 400
TURNED_SHARE: Final = 0.6
RENDER_MAX_SIDE_PIXELS: Final = 6_000
MAX_IMAGES_MEASURED: Final = 2_000


@dataclass(frozen=True, slots=True)
class PageFacts:
    """Facts about a page, from PDFium. Sizes in points, as the page is shown."""

    width: float
    height: float
    text: str
    text_turns: int  #: quarter turns, clockwise, by which most of the text is rotated as shown
    image_share: float  #: part of the page that its largest image covers, 0 to 1
    largest_image_pixels: int


class PdfFile:
    """An opened PDF. Raises EncryptedDocument or CorruptDocument when it cannot be."""

    def __init__(self, path: Path) -> None:
        try:
            self._pdf: Any = open_pdf(path)
        except UnreadablePdf as error:
            raise document_errors.corrupt("PDF") from error
        self.page_count: int = len(self._pdf)
        if not self.page_count:
            raise document_errors.empty("PDF")
        self._with_forms = self._pdf.get_formtype() != pdfium_c.FORMTYPE_NONE
        if self._with_forms:
            self._pdf.init_forms()

    def close(self) -> None:
        self._pdf.close()

    def facts(self, index: int) -> PageFacts:
        page = self._page(index)
        try:
            width, height = page.get_size()
            text, turns = _text(page)
            turns = (turns + page.get_rotation() // 90) % 4  # PDFium gives angles before /Rotate
            pixels, share = _images(page, width * height)
            return PageFacts(width, height, text, turns, share, pixels)
        finally:
            page.close()

    def render(self, index: int, dpi: int = limits.RENDER_DPI) -> Image:
        """Render a page on white (height × width × blue, green, red), within RASTER_WORK_PIXELS."""
        page = self._page(index)
        try:
            scale = _scale(page.get_size(), dpi)
            bitmap = page.render(scale=scale, may_draw_forms=self._with_forms, rev_byteorder=False)
            pixels = np.array(bitmap.to_numpy()[:, :, :3])
            bitmap.close()
            return pixels
        finally:
            page.close()

    def _page(self, index: int) -> Any:
        try:
            return self._pdf[index]
        except pdfium.PdfiumError as error:
            raise document_errors.corrupt(f"PDF from page {index + 1} on") from error


def _scale(size: tuple[float, float], dpi: int) -> float:
    """Return pixels per point: for the wanted resolution, or less for huge pages."""
    width, height = size
    scale = dpi / 72
    by_area = float((limits.RASTER_WORK_PIXELS / max(width * height, 1)) ** 0.5)
    return min(scale, by_area, RENDER_MAX_SIDE_PIXELS / max(width, height, 1))


def _text(page: Any) -> tuple[str, int]:
    text_page = page.get_textpage()
    try:
        text: str = text_page.get_text_range().replace("\r\n", "\n")
        turns = _turns(text_page)
        return rtl.lines(text_page) if not turns and rtl.has_rtl(text) else text, turns
    finally:
        text_page.close()


def _turns(text_page: Any) -> int:
    """Return the quarter turns, clockwise, at which most of the text stands."""
    count = min(text_page.count_chars(), ANGLE_SAMPLE_CHARACTERS)
    angles = Counter(
        round(pdfium_c.FPDFText_GetCharAngle(text_page, index) / (np.pi / 2)) % 4
        for index in range(count)
    )
    if not angles:
        return 0
    turns, characters = angles.most_common(1)[0]
    return turns if characters >= TURNED_SHARE * count else 0


def _images(page: Any, page_area: float) -> tuple[int, float]:
    pixels, share = 0, 0.0
    objects = page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=4)
    for _, image in zip(range(MAX_IMAGES_MEASURED), objects, strict=False):
        try:
            width, height = image.get_px_size()
            left, bottom, right, top = image.get_bounds()
        except pdfium.PdfiumError:
            continue
        pixels = max(pixels, width * height)
        share = max(share, min(1.0, abs((right - left) * (top - bottom)) / max(page_area, 1)))
    return pixels, share
