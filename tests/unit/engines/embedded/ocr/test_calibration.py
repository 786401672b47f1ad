"""Scores of the recogniser as shares of characters."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ilios.engines.embedded.ocr.calibration import POINTS, calibrated


@pytest.mark.parametrize(
    ("score", "share"),
    [(-1, 0.0), (0, 0.0), (0.25, 0.1), (0.5, 0.2), (0.75, 0.6), (1, 1.0), (2, 1.0)],
)
def test_between_points_the_share_is_between_theirs(score: float, share: float) -> None:
    assert calibrated(score, [(0.0, 0.0), (0.5, 0.2), (1.0, 1.0)]) == pytest.approx(share)


def test_a_better_score_is_a_greater_share() -> None:
    assert POINTS[0] == (0.0, 0.0)
    assert POINTS[-1] == (1.0, 1.0)
    assert all(a < b and x < y for (a, x), (b, y) in pairwise(POINTS))
