"""Text detection: where the lines of an image are; tile by tile when it is a long strip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Quads = NDArray[np.float32]
"""n × 4 × 2: the corners of each line from its top left, clockwise, in pixels."""
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""
Find = Callable[[Image], Quads]
"""Detects the lines of an image of moderate size."""

NO_QUADS: Final[Quads] = np.zeros((0, 4, 2), np.float32)
COARSE_SIDE_PIXELS: Final = 1280
FINE_SIDE_PIXELS: Final = 1920
SMALL_LINE_PIXELS: Final = 11
"""If lines in the coarse image are lower than this, the fine one is searched."""
STRIP_RATIO: Final = 2.6
TILE_RATIO: Final = 1.4
OVERLAP: Final = 0.12
INK_SIDE_PIXELS: Final = 1600
GROUND_SIZE: Final = (48, 48)
INK_LEVELS: Final = 4.0
"""Levels of brightness, of 255, by which print differs from the ground at least."""
INK_GRAINS: Final = 8.0
INK_SHARE: Final = 0.2
"""Of the darkest print: what is fainter is its edge."""
INK_PIXELS: Final = 40
INK_MARGIN_PIXELS: Final = 24


def find_text(find: Find, image: Image) -> Quads:
    """Find the lines of an image of any size, by `find`."""
    height, width = image.shape[:2]
    if height > STRIP_RATIO * width and height > COARSE_SIDE_PIXELS:
        return _find_in_strip(find, image)
    quads = _find_or_look_closer(find, image)
    scale = min(1.0, COARSE_SIDE_PIXELS / max(height, width))
    if scale < 1 and len(quads) and np.median(_heights(quads)) * scale < SMALL_LINE_PIXELS:
        return _find_scaled(find, image, FINE_SIDE_PIXELS)
    return quads


def ink_box(image: Image) -> Box | None:
    """Return the box around all that stands out from the ground; None for an even surface.

    Print stands out if it does so by more than the grain of the surface, and covers more pixels
    than a few grains of dust. The ground may be unevenly lit.
    """
    scale = min(1.0, INK_SIDE_PIXELS / max(image.shape[:2]))
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    height, width = grey.shape[:2]
    small = max(round(width * scale), 1), max(round(height * scale), 1)
    grey = cv2.resize(grey, small, interpolation=cv2.INTER_AREA)
    smooth = cv2.blur(grey, (3, 3)).astype(np.float32)
    ground = cv2.resize(grey, GROUND_SIZE, interpolation=cv2.INTER_AREA)
    ground = cv2.resize(cv2.medianBlur(ground, 5), grey.shape[::-1])
    difference = np.abs(smooth - ground)
    grain = float(np.median(np.abs(smooth - grey)))
    ink = difference > max(INK_LEVELS, INK_GRAINS * grain, INK_SHARE * float(difference.max()))
    if np.count_nonzero(ink) < INK_PIXELS:
        return None
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    left, top = int(columns[0] / scale), int(rows[0] / scale)
    return left, top, round((columns[-1] + 1) / scale), round((rows[-1] + 1) / scale)


def _find_or_look_closer(find: Find, image: Image) -> Quads:
    """Find lines; where there are none, look at the ink alone: a lone line is overlooked."""
    quads = _find_scaled(find, image, COARSE_SIDE_PIXELS)
    box = None if len(quads) else ink_box(image)
    if box is None:
        return quads
    height, width = image.shape[:2]
    margin = max(INK_MARGIN_PIXELS, (box[3] - box[1]) // 2)
    left, top = max(0, box[0] - margin), max(0, box[1] - margin)
    right, bottom = min(width, box[2] + margin), min(height, box[3] + margin)
    if (right - left) * (bottom - top) > width * height / 2:
        return quads
    closer = _find_scaled(find, image[top:bottom, left:right], COARSE_SIDE_PIXELS)
    return closer + np.array([left, top], np.float32)


def _find_scaled(find: Find, image: Image, side_pixels: int) -> Quads:
    height, width = image.shape[:2]
    scale = side_pixels / max(height, width)
    if scale >= 1:
        return find(image)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    ratio = np.array([width / size[0], height / size[1]], np.float32)
    return find(np.asarray(small, np.uint8)) * ratio


def _find_in_strip(find: Find, image: Image) -> Quads:
    """Find lines tile by tile: shrunk, the words of a long infographic would be unreadable."""
    height, width = image.shape[:2]
    tile = round(width * TILE_RATIO)
    found: list[NDArray[np.float32]] = []
    for top in range(0, height, round(tile * (1 - OVERLAP))):
        bottom = min(height, top + tile)
        for quad in _find_or_look_closer(find, image[top:bottom]):
            placed = quad + np.array([0, top], np.float32)
            if not _is_cut(placed, top, bottom, height) and not _is_known(placed, found):
                found.append(placed)
    return np.stack(found) if found else NO_QUADS


def _is_cut(quad: NDArray[np.float32], top: int, bottom: int, height: int) -> bool:
    """Return whether a line touches an edge of its tile, so that the next tile has it whole."""
    touches_top = top > 0 and quad[:, 1].min() <= top + 2
    touches_bottom = bottom < height and quad[:, 1].max() >= bottom - 2
    return bool(touches_top or touches_bottom)


def _is_known(quad: NDArray[np.float32], found: list[NDArray[np.float32]]) -> bool:
    x, y = quad.mean(axis=0)
    return any(
        known[:, 0].min() <= x <= known[:, 0].max() and known[:, 1].min() <= y <= known[:, 1].max()
        for known in found[-200:]
    )


def _heights(quads: Quads) -> NDArray[np.float32]:
    """Return the short side of every line, whichever way the image is turned."""
    across = np.linalg.norm(quads[:, 0] - quads[:, 1], axis=1)
    down = np.linalg.norm(quads[:, 0] - quads[:, 3], axis=1)
    return np.asarray(np.minimum(across, down), np.float32)
