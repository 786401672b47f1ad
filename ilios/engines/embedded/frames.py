"""The frames of an image file, decoded: each upright, on white, with square pixels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from ilios.engines import document_errors, parser_memory
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits, pixels

Scale = Callable[[float, float], float]
"""Takes the sides of a frame in square pixels, and says to what part of them it may be reduced."""
_HEAD_BYTES: Final = 64 * 1024
_DECODED_WHOLE: Final = ("AVIF", "JPEG2000")
"""Their libraries hold an image several times over while they decode it."""
_CODING_STYLE: Final = b"\xff\x52"  #: the marker of JPEG 2000 before what it is made of


class Frames:
    """The frames of an image file. Raises CorruptDocument, DocumentTooLarge."""

    def __init__(self, path: Path, media_type: str) -> None:
        Image.MAX_IMAGE_PIXELS = None  # upright checks before anything is decoded
        # Given a path, Pillow maps an uncompressed TIFF, and mixes up one that is turned.
        self._file = path.open("rb")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._image: Image.Image = Image.open(self._file)
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            self._file.close()
            raise document_errors.corrupt("image") from error
        self._is_tiff = media_type == media_types.TIFF

    def count(self) -> int:
        """Return how many pages there are: those of a TIFF, or one."""
        if not self._is_tiff:
            return 1
        frames: int = getattr(self._image, "n_frames", 1)
        if frames > limits.RASTER_MAX_FRAMES:
            raise document_errors.too_large(
                f"The TIFF has {frames} pages", f"{limits.RASTER_MAX_FRAMES} pages"
            )
        return frames

    def upright(self, index: int, scale: Scale) -> tuple[Image.Image, tuple[float, float] | None]:
        """Return a frame as EXIF turns it, and its dots per inch across and down.

        A frame that is to be reduced is about as large as `scale` allows.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._image.seek(index)
            _refuse_beyond(self._image.size, limits.RASTER_MAX_PIXELS)
            parser_memory.allow_images()
            dpi = pixels.resolution(self._image)
            return self._decoded(pixels.oblongness(dpi), scale), dpi

    def close(self) -> None:
        self._image.close()
        self._file.close()

    def _decoded(self, oblongness: float, scale: Scale) -> Image.Image:
        width, height = self._image.size
        part = scale(width * max(1 / oblongness, 1), height * max(oblongness, 1))
        self._refuse_if_whole(part)
        size = (round(width * part), round(height * part))
        if part < 1 and self._image.format == "JPEG":
            self._image.draft("RGB", size)  # JPEG can be decoded at a fraction of its size
        elif self._image.format in _DECODED_WHOLE:
            self._image.load()  # one that is halved says its size only then
        image: Image.Image = self._image
        if part < 1 and image.width > size[0]:
            image = pixels.eight_bits(image)
            image.thumbnail((max(size), max(size)))
        return pixels.on_white(ImageOps.exif_transpose(pixels.squared(image, oblongness)))

    def _refuse_if_whole(self, part: float) -> None:
        """Raise DocumentTooLarge before the whole is decoded; let JPEG 2000 be halved as it can."""
        if self._image.format not in _DECODED_WHOLE:
            return
        width, height = self._image.size
        halvings = 0
        if isinstance(self._image, Jpeg2KImageFile):
            wanted = int(math.log2(max(1 / part, 1)))
            halvings = self._image.reduce = min(wanted, _halvings(self._file))
        _refuse_beyond((width >> halvings, height >> halvings), limits.RASTER_WHOLE_MAX_PIXELS)


def _halvings(file: BinaryIO) -> int:
    """Return how often a JPEG 2000 can be halved, as its own head says."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    place = head.find(_CODING_STYLE)
    return head[place + 9] if 0 <= place < len(head) - 9 else 0


def _refuse_beyond(size: tuple[int, int], most: int) -> None:
    if size[0] * size[1] > most:
        raise document_errors.too_large(
            f"The image has {size[0]} × {size[1]} pixels", f"{most // 1_000_000} million pixels"
        )
