"""Images as PDFs through PDFium, in a parser child only: nothing of them is lost."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pypdfium2 as pdfium
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ilios.engines import document_errors
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits, pixels
from ilios.engines.page_structure import POINTS_PER_INCH

_ROTATIONS: Final = {1: 0, 3: 180, 6: 90, 8: 270}
"""Of the ways in which EXIF says that an image is turned, those that a page can be turned by."""
Size = tuple[float, float]  #: in points


def pdf_of(path: Path, media_type: str, sizes: Mapping[int, Size]) -> Any:
    """Return a PDF that has an image as its page, or a page for each frame of a TIFF.

    `sizes` are those of pages by their indexes; others have the size that the file declares. Close
    what is returned. Raises CorruptDocument, DocumentTooLarge.
    """
    Image.MAX_IMAGE_PIXELS = None  # looked at below, before anything is decoded
    pdf = pdfium.PdfDocument.new()
    try:
        with warnings.catch_warnings(), path.open("rb") as file, Image.open(file) as image:
            warnings.simplefilter("ignore")
            count = getattr(image, "n_frames", 1) if media_type == media_types.TIFF else 1
            _refuse_if_many(count)
            for index in range(count):
                image.seek(index)
                _add(pdf, path, image, sizes.get(index))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, pdfium.PdfiumError) as error:
        pdf.close()
        raise document_errors.corrupt("image") from error
    except BaseException:
        pdf.close()
        raise
    return pdf


def _add(pdf: Any, path: Path, image: Any, size: Size | None) -> None:
    if image.width * image.height > limits.RASTER_MAX_PIXELS:
        raise document_errors.too_large(
            f"The image has {image.width} × {image.height} pixels",
            f"{limits.RASTER_MAX_PIXELS // 1_000_000} million pixels",
        )
    rotation = _ROTATIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    content = pdfium.PdfImage.new(pdf)
    if image.format != "JPEG" or rotation is None or not _takes_jpeg(content, path):
        rotation = 0
        with closing(pdfium.PdfBitmap.from_pil(_upright(image))) as bitmap:
            content.set_bitmap(bitmap)
    width, height = size or _declared(image)
    if rotation in (90, 270):
        width, height = height, width
    page = pdf.new_page(width, height)
    content.set_matrix(pdfium.PdfMatrix().scale(width, height))
    page.insert_obj(content)
    page.set_rotation(rotation)
    page.gen_content()
    page.close()


def _takes_jpeg(content: Any, path: Path) -> bool:
    """Put a JPEG into a PDF as it is; return False when PDFium does not take it."""
    try:
        content.load_jpeg(path, inline=True)
    except pdfium.PdfiumError:
        return False
    return True


def _upright(image: Any) -> Any:
    frame = ImageOps.exif_transpose(image)
    return pixels.eight_bits(frame) if frame.mode in ("1", "L") else pixels.on_white(frame)


def _declared(image: Any) -> Size:
    across, down = pixels.resolution(image) or (POINTS_PER_INCH, POINTS_PER_INCH)
    width, height = image.width * POINTS_PER_INCH / across, image.height * POINTS_PER_INCH / down
    is_lying = image.getexif().get(ExifTags.Base.Orientation, 1) > 4
    return (height, width) if is_lying else (width, height)


def _refuse_if_many(frames: int) -> None:
    if frames > limits.RASTER_MAX_FRAMES:
        raise document_errors.too_large(
            f"The TIFF has {frames} pages", f"{limits.RASTER_MAX_FRAMES} pages"
        )
