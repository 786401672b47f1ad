"""Images as documents: PNG, JPEG, WebP, GIF, BMP, AVIF, JPEG 2000 and all frames of a TIFF."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ilios.engines.base import Source
from ilios.engines.embedded import limits
from ilios.engines.embedded.frames import Frames
from ilios.engines.embedded.ocr.detection import Image as Pixels
from ilios.engines.embedded.ocr.page_reader import PageReader
from ilios.engines.embedded.structure import PlacedPage

DEFAULT_DPI: Final = 72


def open_document(source: Source, workspace: Path, threads: int) -> RasterDocument:
    del workspace  # the whole page is an image; none is cut out of it
    return RasterDocument(source, threads)


class RasterDocument:
    """An image file; of a TIFF each frame is a page."""

    def __init__(self, source: Source, threads: int) -> None:
        self._frames = Frames(source.path, source.media_type)
        self._reader = PageReader(threads)
        self.page_count = self._frames.count()

    def pages(self, indexes: Sequence[int]) -> Iterator[PlacedPage]:
        for index in indexes:
            pixels, dpi = self._pixels(index)
            yield self._reader.page(index, pixels, dpi)

    def close(self) -> None:
        self._frames.close()

    def _pixels(self, index: int) -> tuple[Pixels, int]:
        """Return a frame and its dpi: upright by EXIF, on white, at most RASTER_WORK_PIXELS."""
        frame, dpi = self._frames.upright(index, _for_recognition)
        return np.asarray(frame)[:, :, ::-1].copy(), round(max(dpi)) if dpi else DEFAULT_DPI


def _for_recognition(width: float, height: float) -> float:
    return math.sqrt(limits.RASTER_WORK_PIXELS / (width * height))
