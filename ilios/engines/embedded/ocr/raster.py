"""Images as documents: PNG, JPEG, WebP, GIF and all frames of a TIFF."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ilios.engines import document_errors
from ilios.engines.base import Page, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from ilios.engines.embedded.ocr.detection import Image as Pixels
from ilios.engines.embedded.ocr.page_reader import PageReader


def open_document(source: Source, workspace: Path, threads: int) -> RasterDocument:
    del workspace  # the whole page is an image; none is cut out of it
    return RasterDocument(source, threads)


class RasterDocument:
    """An image file; of a TIFF each frame is a page."""

    def __init__(self, source: Source, threads: int) -> None:
        Image.MAX_IMAGE_PIXELS = None  # _refuse_if_huge checks before anything is decoded
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._image: Image.Image = Image.open(source.path)
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            raise document_errors.corrupt("image") from error
        self._is_tiff = source.media_type == media_types.TIFF
        self._reader = PageReader(threads)
        self.page_count = self._frames()

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            pixels, dpi = self._pixels(index)
            yield self._reader.page(index, pixels, dpi)

    def close(self) -> None:
        self._image.close()

    def _frames(self) -> int:
        if not self._is_tiff:
            return 1
        frames: int = getattr(self._image, "n_frames", 1)
        if frames > limits.RASTER_MAX_FRAMES:
            raise document_errors.too_large(
                f"The TIFF has {frames} pages", f"{limits.RASTER_MAX_FRAMES} pages"
            )
        return frames

    def _pixels(self, index: int) -> tuple[Pixels, int]:
        """Return a frame and its dpi: upright by EXIF, on white, at most RASTER_WORK_PIXELS."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._image.seek(index)
            _refuse_if_huge(self._image.size)
            dpi = _dpi(self._image.info.get("dpi"))
            frame = self._decoded()
        return np.asarray(frame)[:, :, ::-1].copy(), dpi

    def _decoded(self) -> Image.Image:
        scale = (limits.RASTER_WORK_PIXELS / (self._image.width * self._image.height)) ** 0.5
        size = (round(self._image.width * scale), round(self._image.height * scale))
        if scale < 1 and self._image.format == "JPEG":
            self._image.draft("RGB", size)  # JPEG can be decoded at a fraction of its size
        upright = ImageOps.exif_transpose(self._image)
        if scale < 1 and upright.width * upright.height > limits.RASTER_WORK_PIXELS:
            upright = _eight_bits(upright)
            upright.thumbnail((max(size), max(size)))
        return _on_white(upright)


def _refuse_if_huge(size: tuple[int, int]) -> None:
    if size[0] * size[1] > limits.RASTER_MAX_PIXELS:
        raise document_errors.too_large(
            f"The image has {size[0]} × {size[1]} pixels",
            f"{limits.RASTER_MAX_PIXELS // 1_000_000} million pixels",
        )


def _dpi(value: Any) -> int:
    """Return the resolution that the file declares; 72 when it declares none or nonsense."""
    try:
        dpi = round(float(value[0]))
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return 72
    return dpi if 30 <= dpi <= 2400 else 72


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float32)
        low, high = float(values.min()), float(values.max())
        return Image.fromarray(cv2.convertScaleAbs(values - low, alpha=255 / max(high - low, 1)))
    return image.convert("L") if image.mode == "1" else image


def _on_white(image: Image.Image) -> Image.Image:
    image = _eight_bits(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")
