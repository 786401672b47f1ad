"""Drawing pages through PDFium and Pillow, in a parser child only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image, ImageChops

from ilios.core.conversion_errors import EncryptedDocument
from ilios.core.errors import IliosError
from ilios.engines import document_errors, machine_errors, parser_memory
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from ilios.engines.embedded.frames import Frames
from ilios.engines.embedded.pdf import page_images
from ilios.engines.pdf_opening import UnreadablePdf, open_pdf

COMPRESS_LEVEL: Final = 3
"""Of zlib: with a higher one a picture of text takes longer, and is hardly smaller."""
_ROUNDED: Final = 0.01  #: taken off a width, which PDFium's binding rounds up
_WITH_FORMS: Final = (pdfium_c.FORMTYPE_ACRO_FORM, pdfium_c.FORMTYPE_XFA_FOREGROUND)


class Pages(Protocol):
    """The pages of an opened file."""

    count: int

    def picture(self, index: int, width: int) -> Image.Image:
        """Draw a page on white, so many pixels wide, but for what PAGE_IMAGE_MAX_PIXELS forbids."""
        ...

    def close(self) -> None: ...


@contextmanager
def opened(path: Path, media_type: str) -> Iterator[Pages]:
    """Open a PDF or an image.

    Raises EncryptedDocument, CorruptDocument, UnsupportedDocument, DocumentTooLarge; inside of the
    block too.
    """
    is_pdf = media_type == media_types.PDF
    parser_memory.allow_images()
    try:
        pages: Pages = _Pdf(path) if is_pdf else _Image(path, media_type)
        with closing(pages):
            yield pages
    except Exception as error:
        machine_errors.raise_as_such(error)
        if isinstance(error, IliosError):
            raise
        raise document_errors.corrupt("PDF" if is_pdf else "image") from error


def write(picture: Image.Image, path: Path) -> None:
    """Write a PNG."""
    picture.save(path, "PNG", compress_level=COMPRESS_LEVEL)


class _Pdf:
    def __init__(self, path: Path) -> None:
        try:
            self._pdf: Any = open_pdf(path)
        except UnreadablePdf as error:
            raise document_errors.corrupt("PDF") from error
        except EncryptedDocument as error:
            raise EncryptedDocument(
                "The original is protected by a password, which is not kept once it is converted, "
                "so that its pages are not drawn. Remove the password to see them, then send it "
                "again."
            ) from error
        self._with_forms = self._pdf.get_formtype() in _WITH_FORMS
        if self._with_forms:
            self._pdf.init_forms()
        self.count: int = len(self._pdf)

    def picture(self, index: int, width: int) -> Image.Image:
        with closing(self._page(index)) as page:
            page_width, page_height = page.get_size()
            if not (0 < page_width < math.inf and 0 < page_height < math.inf):
                raise document_errors.corrupt(f"PDF on page {index + 1}")
            _refuse_if_unrenderable(page, index)
            scale = (_fitting(width, page_height / page_width) - _ROUNDED) / page_width
            bitmap = page.render(scale=scale, may_draw_forms=self._with_forms, rev_byteorder=True)
            with closing(bitmap):
                return _without_colours(bitmap.to_pil().convert("RGB"))

    def close(self) -> None:
        self._pdf.close()

    def _page(self, index: int) -> Any:
        try:
            return self._pdf[index]
        except pdfium.PdfiumError as error:
            raise document_errors.corrupt(f"PDF on page {index + 1}") from error


class _Image:
    """An image; a small one is not enlarged."""

    def __init__(self, path: Path, media_type: str) -> None:
        self._frames = Frames(path, media_type)
        self.count = self._frames.count()

    def picture(self, index: int, width: int) -> Image.Image:
        frame, _ = self._frames.upright(index, lambda *sides: _part(width, *sides))
        fitting = _fitting(min(width, frame.width), frame.height / frame.width)
        if fitting < frame.width:
            size = fitting, max(1, round(fitting * frame.height / frame.width))
            frame = frame.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        return _without_colours(frame)

    def close(self) -> None:
        self._frames.close()


def _part(width: int, *sides: float) -> float:
    """Return to what part of them the sides may be reduced, whichever of them is the width."""
    return min(width / min(sides), math.sqrt(limits.RASTER_WORK_PIXELS / math.prod(sides)))


def _fitting(width: int, ratio: float) -> int:
    """Return the width, or the largest at which a page so many times as high fits."""
    return max(1, min(width, int(math.sqrt(limits.PAGE_IMAGE_MAX_PIXELS / ratio))))


def _refuse_if_unrenderable(page: Any, index: int) -> None:
    pixels, _ = page_images.measured(page, 1)
    if pixels > limits.RASTER_MAX_PIXELS:
        raise document_errors.too_large(
            f"Page {index + 1} holds an image of {pixels // 1_000_000} million pixels",
            f"{limits.RASTER_MAX_PIXELS // 1_000_000} million",
        )


def _without_colours(picture: Image.Image) -> Image.Image:
    """Return a picture in greys, which takes fewer bytes, if it has nothing else."""
    red, green, blue = picture.split()
    is_grey = all(ImageChops.difference(red, other).getbbox() is None for other in (green, blue))
    return red if is_grey else picture
