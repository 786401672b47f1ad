"""Reads page images: recognises their text, writes Markdown, warns about doubtful results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

import cv2
import numpy as np

from ilios.core import platform
from ilios.engines import conversion_warnings, folded_text, parser_memory
from ilios.engines.base import ConversionWarning, Page
from ilios.engines.embedded import output_limits
from ilios.engines.embedded.alignment import Placed
from ilios.engines.embedded.ocr import calibration, detection, layout
from ilios.engines.embedded.ocr.detection import Image
from ilios.engines.embedded.ocr.layout import TextRow
from ilios.engines.embedded.ocr.markdown import to_markdown
from ilios.engines.embedded.ocr.recognition import TextRecognizer
from ilios.engines.embedded.ocr.recognized_text import RecognizedText
from ilios.engines.embedded.structure import PlacedPage

NICENESS: Final = 10
"""Of recognition, which takes all cores for seconds: documents that take moments go first."""
LOW_CONFIDENCE: Final = 0.86
UNREAD_LINES: Final = 3
PHANTOM_CHARACTERS: Final = 8
FOREIGN_CONFIDENCE: Final = 0.7
"""Below, the script is probably one that the model does not know."""
WORKING_SIDE_PIXELS: Final = 1000
"""Smaller images are enlarged: letters of eight pixels are hard to detect."""
ENLARGED_AT_MOST: Final = 2.5
BLANK_SPREAD: Final = 6.0


@dataclass(frozen=True, slots=True)
class RecognizedPage:
    """The text of a page image, as Markdown and as it was recognised.

    Places are in pixels of the image, in reading order.
    """

    markdown: str
    text: RecognizedText
    warnings: tuple[ConversionWarning, ...]
    places: tuple[Placed, ...] = ()

    @property
    def confidence(self) -> float | None:
        """The share of its characters that are probably right; None without text."""
        return calibration.calibrated(self.text.confidence) if self.text.lines else None

    @property
    def turns(self) -> int:
        """The quarter turns, clockwise, at which the text stands."""
        return self.text.quarter_turns % 4


class PageReader:
    """Reads page images; the models are loaded with the first page that is not blank."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._recognizer: TextRecognizer | None = None
        # A thread of its own, so that the one that asks keeps its priority.
        self._thread = ThreadPoolExecutor(
            1, "ocr", initializer=platform.lower_thread_priority, initargs=(NICENESS,)
        )

    def page(self, index: int, image: Image, dpi: int) -> PlacedPage:
        """Convert an image that is a page by itself; its size is the file's, in pixels."""
        read = self.read(image, index + 1)
        height, width = image.shape[:2]
        page = Page(
            index,
            read.markdown,
            width=width,
            height=height,
            dpi=dpi,
            warnings=read.warnings,
            confidence=read.confidence,
            turns=read.turns,
        )
        return PlacedPage(page, read.places)

    def read(self, image: Image, number: int) -> RecognizedPage:
        """Read an image; `number` is the 1-based number of its page, for warnings."""
        if is_blank(image):
            return RecognizedPage("", RecognizedText(()), (conversion_warnings.blank_page(number),))
        if self._recognizer is None:
            parser_memory.allow_images()
            self._recognizer = self._thread.submit(TextRecognizer, self._threads).result()
        larger = _enlarged(image)
        recognized = self._thread.submit(self._recognizer.recognize, larger).result()
        text = _without_phantoms(recognized)
        columns = layout.columns(text.lines)
        places = _places(columns, image.shape[1] / larger.shape[1])
        written = to_markdown(text, columns)
        return RecognizedPage(written, text, _warnings(text, number), tuple(places))


def is_blank(image: Image) -> bool:
    """Return whether the surface is even: without print, however faint."""
    small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)
    if float(np.ptp(small)) > 2 * BLANK_SPREAD or float(image[::2, ::2].std()) >= BLANK_SPREAD:
        return False
    return detection.ink_box(image) is None


def _enlarged(image: Image) -> Image:
    longest = max(image.shape[:2])
    scale = min(WORKING_SIDE_PIXELS * 1.4 / longest, ENLARGED_AT_MOST)
    if longest >= WORKING_SIDE_PIXELS:
        return image
    larger = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(larger, np.uint8)


def _places(columns: Sequence[Sequence[TextRow]], scale: float) -> Iterator[Placed]:
    lines = chain.from_iterable(row.lines for row in chain.from_iterable(columns))
    for line in islice(lines, output_limits.LINES_MAX_COUNT):
        left, top, right, bottom = (scale * side for side in line.place)
        yield Placed(
            (left, top, right, bottom),
            folded_text.letters(line.text),
            confidence=calibration.calibrated(line.confidence),
            is_line=True,
        )


def _without_phantoms(text: RecognizedText) -> RecognizedText:
    """Drop text of a few doubtful characters: that is the grain of a photo."""
    if len(text.plain) <= PHANTOM_CHARACTERS and text.confidence < FOREIGN_CONFIDENCE:
        return RecognizedText((), text.quarter_turns)
    return text


def _warnings(text: RecognizedText, number: int) -> tuple[ConversionWarning, ...]:
    mostly_unread = text.unread >= UNREAD_LINES and text.unread > len(text.lines)
    foreign = (conversion_warnings.unknown_script(number),)
    if not text.lines:
        return foreign if mostly_unread else (conversion_warnings.image_without_text(number),)
    confidence = text.confidence
    if confidence >= LOW_CONFIDENCE and not mostly_unread:
        return ()
    uncertain = conversion_warnings.uncertain_reading(number, round(100 * confidence))
    is_foreign = mostly_unread or confidence < FOREIGN_CONFIDENCE
    return (uncertain, *foreign) if is_foreign else (uncertain,)
