"""How a number is divided among nodes. Pure: each node comes to the same answer by itself."""

from __future__ import annotations

from collections.abc import Mapping


def shares(total: int, wanted: Mapping[str, int]) -> dict[str, int]:
    """Return what each gets of `total`: what it wants, or in proportion, and never more than that.

    What does not divide goes by one to those that it does most injustice to, then by their names.
    """
    asked = sum(wanted.values())
    if asked <= total:
        return dict(wanted)
    given = {name: total * most // asked for name, most in wanted.items()}
    left = total - sum(given.values())
    by_rest = sorted(wanted, key=lambda name: (-(total * wanted[name] % asked), name))
    for name in by_rest[:left]:
        given[name] += 1
    return given
