"""How an image is turned, determined from the boxes of its lines."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ilios.engines.embedded.ocr.detection import Image, Quads

TALL_RATIO: Final = 1.5
SIDEWAYS_SHARE: Final = 0.6
SAMPLE_LINES: Final = 5


def is_sideways(quads: Quads) -> bool:
    """Return whether most of the text runs up or down the image."""
    across, down = _sides(quads)
    tall = down[down > TALL_RATIO * across].sum()
    wide = across[across > TALL_RATIO * down].sum()
    return bool(tall > SIDEWAYS_SHARE * (tall + wide)) if tall else False


def longest(quads: Quads) -> list[int]:
    """Return the indexes of a few of the longest lines, which best show the right way up."""
    across, down = _sides(quads)
    indexes: list[int] = np.argsort(-np.maximum(across, down))[:SAMPLE_LINES].tolist()
    return indexes


def turned(image: Image, quads: Quads, quarter_turns: int) -> tuple[Image, Quads]:
    """Turn an image and its boxes counter-clockwise by quarters."""
    for _ in range(quarter_turns):
        width = image.shape[1]
        image = np.rot90(image)
        quads = np.stack([quads[..., 1], width - quads[..., 0]], axis=-1)
        quads = np.roll(quads, -1, axis=1)  # the old top right corner is now the top left one
    return np.ascontiguousarray(image), np.ascontiguousarray(quads, dtype=np.float32)


def levelled(quads: Quads) -> Quads:
    """Remove the slant of the page (a photo, a crooked scan) from boxes."""
    along = quads[:, 1] - quads[:, 0]
    lengths = np.linalg.norm(along, axis=1)
    long_enough = lengths >= np.median(lengths)
    slant = np.median(np.arctan2(along[long_enough, 1], along[long_enough, 0]))
    cos, sin = np.cos(slant), np.sin(slant)
    return np.asarray(quads @ np.array([[cos, -sin], [sin, cos]]), np.float32)


def _sides(quads: Quads) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    across = np.linalg.norm(quads[:, 0] - quads[:, 1], axis=1)
    down = np.linalg.norm(quads[:, 0] - quads[:, 3], axis=1)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)
