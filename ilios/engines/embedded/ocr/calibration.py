"""What a score of the recogniser says of the characters that it read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

POINTS: Final = (
    (0.0, 0.0),
    (0.724, 0.446),
    (0.964, 0.955),
    (0.984, 0.994),
    (0.990, 0.999),
    (1.0, 1.0),
)
"""Scores, and the shares of characters that were right, as `python -m bench.confidence` found."""


def calibrated(score: float, points: Sequence[tuple[float, float]] = POINTS) -> float:
    """Return the share of characters that are probably right, by the score, from 0 to 1."""
    scores = [point for point, _ in points]
    place = min(max(bisect_right(scores, score), 1), len(points) - 1)
    (low, first), (high, last) = points[place - 1], points[place]
    share = (min(max(score, low), high) - low) / (high - low)
    return first + share * (last - first)
