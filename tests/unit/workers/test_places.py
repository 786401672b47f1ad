"""The places of a lane while the provider allows fewer jobs than there are places."""

from __future__ import annotations

import pytest

from ilios.workers.places import Places


@pytest.mark.parametrize(
    ("allowed", "ordinary", "guests"),
    [
        (None, 48, 6),
        (100, 48, 6),
        (54, 48, 6),
        (53, 47, 6),
        (16, 14, 2),
        (4, 3, 1),
        (2, 1, 1),
        (1, 1, 0),  # the probe whether the provider works
        (0, 0, 0),
    ],
)
def test_a_share_of_what_is_allowed_stays_for_guests(
    allowed: int | None, ordinary: int, guests: int
) -> None:
    assert Places(48, 6).within(allowed) == Places(ordinary, guests)


def test_without_a_limit_all_places_are_used() -> None:
    assert Places(2, 2).within(None).total == 4
