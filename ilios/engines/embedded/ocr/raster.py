"""Images as documents: PNG, JPEG, WebP, GIF, BMP, AVIF, JPEG 2000 and all frames of a TIFF."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from math import log2
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from ilios.engines import document_errors, parser_memory
from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits, pixels
from ilios.engines.embedded.ocr.detection import Image as Pixels
from ilios.engines.embedded.ocr.page_reader import PageReader
from ilios.engines.embedded.structure import PlacedPage

DEFAULT_DPI: Final = 72
HEAD_BYTES: Final = 64 * 1024
_DECODED_WHOLE: Final = ("AVIF", "JPEG2000")
"""Their libraries hold an image several times over while they decode it."""
_CODING_STYLE: Final = b"\xff\x52"  #: the marker of JPEG 2000 before what it is made of


def open_document(source: Source, workspace: Path, threads: int) -> RasterDocument:
    del workspace  # the whole page is an image; none is cut out of it
    return RasterDocument(source, threads)


class RasterDocument:
    """An image file; of a TIFF each frame is a page."""

    def __init__(self, source: Source, threads: int) -> None:
        Image.MAX_IMAGE_PIXELS = None  # _refuse_if_huge checks before anything is decoded
        # Given a path, Pillow maps an uncompressed TIFF, and mixes up one that is turned.
        self._file = source.path.open("rb")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._image: Image.Image = Image.open(self._file)
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            self._file.close()
            raise document_errors.corrupt("image") from error
        self._is_tiff = source.media_type == media_types.TIFF
        self._reader = PageReader(threads)
        self.page_count = self._frames()

    def pages(self, indexes: Sequence[int]) -> Iterator[PlacedPage]:
        for index in indexes:
            pixels, dpi = self._pixels(index)
            yield self._reader.page(index, pixels, dpi)

    def close(self) -> None:
        self._image.close()
        self._file.close()

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
            self._refuse_if_huge()
            parser_memory.allow_images()
            dpi = pixels.resolution(self._image)
            frame = self._decoded(pixels.oblongness(dpi))
        return np.asarray(frame)[:, :, ::-1].copy(), round(max(dpi)) if dpi else DEFAULT_DPI

    def _refuse_if_huge(self) -> None:
        """Raise DocumentTooLarge before anything is decoded; let JPEG 2000 be halved as it can."""
        width, height = self._image.size
        _refuse_beyond((width, height), limits.RASTER_MAX_PIXELS)
        if self._image.format not in _DECODED_WHOLE:
            return
        halvings = 0
        if isinstance(self._image, Jpeg2KImageFile):
            wanted = int(log2(max(width * height / limits.RASTER_WORK_PIXELS, 1)) / 2)
            halvings = self._image.reduce = min(wanted, _halvings(self._file))
        _refuse_beyond((width >> halvings, height >> halvings), limits.RASTER_WHOLE_MAX_PIXELS)

    def _decoded(self, oblongness: float) -> Image.Image:
        area = self._image.width * self._image.height * max(oblongness, 1 / oblongness)
        scale = (limits.RASTER_WORK_PIXELS / area) ** 0.5
        size = (round(self._image.width * scale), round(self._image.height * scale))
        if scale < 1 and self._image.format == "JPEG":
            self._image.draft("RGB", size)  # JPEG can be decoded at a fraction of its size
        image: Image.Image = self._image
        if scale < 1 and image.width > size[0]:
            image = pixels.eight_bits(image)
            image.thumbnail((max(size), max(size)))
        return pixels.on_white(ImageOps.exif_transpose(pixels.squared(image, oblongness)))


def _halvings(file: BinaryIO) -> int:
    """Return how often a JPEG 2000 can be halved, as its own head says."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    place = head.find(_CODING_STYLE)
    return head[place + 9] if 0 <= place < len(head) - 9 else 0


def _refuse_beyond(size: tuple[int, int], most: int) -> None:
    if size[0] * size[1] > most:
        raise document_errors.too_large(
            f"The image has {size[0]} × {size[1]} pixels", f"{most // 1_000_000} million pixels"
        )
