"""Text recognition in images: PP-OCR models through RapidOCR and onnxruntime."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ilios.engines.embedded.ocr import detection, rotation
from ilios.engines.embedded.ocr.detection import Quads
from ilios.engines.embedded.ocr.recognized_text import RecognizedText, TextLine
from ilios.engines.page_structure import Box

Image = NDArray[np.uint8]
LineTexts = dict[int, tuple[str, float]]
"""Text and confidence by the index of the line among those that were detected."""

SURE_CONFIDENCE: Final = 0.92
"""Upright text in a known script is recognised with more confidence than this."""
NARROWING: Final = 0.76
SHARP_LINE_PIXELS: Final = 30
LONG_LINE_RATIO: Final = 6
KEPT_CONFIDENCE: Final = 0.5
"""Lines with less are noise: textures, logos, stains."""


class TextRecognizer:
    """Holds the models; loading takes about a second, so one recognizer serves a whole document."""

    def __init__(self, threads: int) -> None:
        """Load the models, to recognise up to `threads` lines at once, each on one core.

        onnxruntime's own threads would spin while they wait, and take the cores of other work.
        """
        # Else onnxruntime's wheel for Linux gives the machine an id, and reports to its maker what
        # it runs. It is asked once, when the library is loaded.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        from rapidocr import RapidOCR

        self._engine = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,  # it turns long lines upside down
                "Global.max_side_len": detection.FINE_SIDE_PIXELS,
                "Det.limit_type": "max",
                "Det.limit_side_len": detection.FINE_SIDE_PIXELS,
                "Det.unclip_ratio": 1.4,  # wider boxes take accents from the line above
                "Rec.rec_batch_num": 1,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ocr")

    def recognize(self, image: Image) -> RecognizedText:
        """Recognise an image (height × width × blue, green, red) turned by any quarters."""
        quads = detection.find_text(self._find, image)
        if not len(quads):
            return RecognizedText(())
        places = _around(quads)
        turns = 1 if rotation.is_sideways(quads) else 0
        image, quads = rotation.turned(image, quads, turns)
        crops = self._engine.crop_text_regions(image, quads)
        known, upside_down = self._read_sample(crops, rotation.longest(quads))
        if upside_down:
            _, quads = rotation.turned(image, quads, 2)
            crops = [crop[::-1, ::-1] for crop in crops]
            turns += 2
        lines = _lines(quads, places, self._recognize_lines(crops, known))
        return RecognizedText(lines, turns, unread=len(quads) - len(lines))

    def _read_sample(self, crops: list[Any], sample: Sequence[int]) -> tuple[LineTexts, bool]:
        """Recognise a few lines the right way up; tell whether that is upside down."""
        upright = {index: self._read_crop(crops[index]) for index in sample}
        if _mean_confidence(upright) >= SURE_CONFIDENCE:
            return upright, False
        flipped = {index: self._read_crop(crops[index][::-1, ::-1]) for index in sample}
        if _mean_confidence(flipped) > _mean_confidence(upright):
            return flipped, True
        return upright, False

    def _find(self, image: Image) -> Quads:
        found = self._engine(image, use_det=True, use_cls=False, use_rec=False)
        boxes = getattr(found, "boxes", None)
        return detection.NO_QUADS if boxes is None else np.asarray(boxes, np.float32)

    def _recognize_lines(self, crops: list[Any], known: LineTexts) -> list[tuple[str, float]]:
        unread = [index for index in range(len(crops)) if index not in known]
        read = self._threads.map(self._read_crop, [crops[index] for index in unread])
        readings = {**known, **dict(zip(unread, read, strict=True))}
        return [readings[index] for index in range(len(crops))]

    def _read_crop(self, crop: Image) -> tuple[str, float]:
        """Recognise one line: batches are padded to their longest, which costs time and memory."""
        result = self._engine.recognize_txt([_narrowed(crop)])
        return (result.txts or ("",))[0], float(result.scores[0])


def _narrowed(crop: Image) -> Image:
    """Squeeze lines that are sharp enough: time is proportional to width, and nothing is lost."""
    height, width = crop.shape[:2]
    if height < SHARP_LINE_PIXELS or width < LONG_LINE_RATIO * height:
        return np.ascontiguousarray(crop)
    size = (round(width * NARROWING), height)
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)


def _mean_confidence(readings: LineTexts) -> float:
    characters = sum(len(text) for text, _ in readings.values())
    weighted = sum(score * len(text) for text, score in readings.values())
    return weighted / characters if characters else 0.0


def _lines(
    quads: Quads, places: Sequence[Box], read: Sequence[tuple[str, float]]
) -> tuple[TextLine, ...]:
    level = rotation.levelled(quads)
    return tuple(
        TextLine(text.strip(), float(confidence), *_bounds(quad), place)
        for quad, place, (text, confidence) in zip(level, places, read, strict=True)
        if text.strip() and confidence >= KEPT_CONFIDENCE
    )


def _around(quads: Quads) -> list[Box]:
    """Return the upright boxes around quads."""
    corners = np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1)
    return [(left, top, right, bottom) for left, top, right, bottom in corners.tolist()]


def _bounds(quad: NDArray[np.float32]) -> tuple[float, float, float, float]:
    left, top = quad[[0, 3], 0].mean(), quad[[0, 1], 1].mean()
    right, bottom = quad[[1, 2], 0].mean(), quad[[2, 3], 1].mean()
    return float(left), float(top), float(right), float(bottom)
