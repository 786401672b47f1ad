"""A page from pixels: read, written as Markdown, judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from ilios.engines import conversion_warnings
from ilios.engines.base import ConversionWarning, Page
from ilios.engines.embedded.ocr.detection import Image
from ilios.engines.embedded.ocr.markdown import written
from ilios.engines.embedded.ocr.recognition import TextRecognizer
from ilios.engines.embedded.ocr.recognized_text import RecognizedText

LOW_CONFIDENCE: Final = 0.86
UNREAD_LINES: Final = 3
PHANTOM_CHARACTERS: Final = 8
FOREIGN_CONFIDENCE: Final = 0.7
"""Below, the script is probably one that the model has never seen."""
WORKING_SIDE_PIXELS: Final = 1000
"""Smaller images are enlarged: letters of eight pixels are hard to find."""
ENLARGED_AT_MOST: Final = 2.5
BLANK_SPREAD: Final = 6.0


@dataclass(frozen=True, slots=True)
class RecognizedPage:
    markdown: str
    reading: RecognizedText
    warnings: tuple[ConversionWarning, ...]


class PageReader:
    """Reads page images; the models are loaded with the first page that is not blank."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._recognizer: TextRecognizer | None = None

    def page(self, index: int, image: Image, dpi: int) -> Page:
        """An image that is a page by itself; its size is the file's, in pixels."""
        read = self.read(image, index + 1)
        height, width = image.shape[:2]
        return Page(
            index, read.markdown, width=width, height=height, dpi=dpi, warnings=read.warnings
        )

    def read(self, image: Image, number: int) -> RecognizedPage:
        """Read an image; `number` is the 1-based page that warnings name."""
        if is_blank(image):
            return RecognizedPage("", RecognizedText(()), (conversion_warnings.blank_page(number),))
        if self._recognizer is None:
            self._recognizer = TextRecognizer(self._threads)
        reading = _without_phantoms(self._recognizer.recognize(_enlarged(image)))
        return RecognizedPage(written(reading), reading, _judged(reading, number))


def is_blank(image: Image) -> bool:
    """Whether all pixels have about the same brightness."""
    small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)
    if float(np.ptp(small)) > 2 * BLANK_SPREAD:
        return False
    return float(image[::2, ::2].std()) < BLANK_SPREAD


def _enlarged(image: Image) -> Image:
    longest = max(image.shape[:2])
    scale = min(WORKING_SIDE_PIXELS * 1.4 / longest, ENLARGED_AT_MOST)
    if longest >= WORKING_SIDE_PIXELS:
        return image
    larger = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(larger, np.uint8)


def _without_phantoms(reading: RecognizedText) -> RecognizedText:
    """A few doubtful characters are the grain of a photo, not text."""
    if len(reading.text) <= PHANTOM_CHARACTERS and reading.confidence < FOREIGN_CONFIDENCE:
        return RecognizedText((), reading.quarter_turns)
    return reading


def _judged(reading: RecognizedText, number: int) -> tuple[ConversionWarning, ...]:
    mostly_unread = reading.unread >= UNREAD_LINES and reading.unread > len(reading.lines)
    foreign = (conversion_warnings.unknown_script(number),)
    if not reading.lines:
        return foreign if mostly_unread else (conversion_warnings.image_without_text(number),)
    confidence = reading.confidence
    if confidence >= LOW_CONFIDENCE and not mostly_unread:
        return ()
    uncertain = conversion_warnings.uncertain_reading(number, round(100 * confidence))
    is_foreign = mostly_unread or confidence < FOREIGN_CONFIDENCE
    return (uncertain, *foreign) if is_foreign else (uncertain,)
