"""The places of a lane on this node: how many jobs may run, and how many of those for guests only.

A guest place goes only to an owner that has no job running in the lane on this node. So one owner
holds all ordinary places at most, and the next one's job begins at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from ilios.core.owner_places import guest_places


@dataclass(frozen=True, slots=True)
class Places:
    """`guests` places beside the `ordinary` ones."""

    ordinary: int
    guests: int

    @property
    def total(self) -> int:
        return self.ordinary + self.guests

    def within(self, allowed: int | None) -> Places:
        """Return what the lane may use of them while it may run `allowed` jobs; None: any number.

        A share stays for guests, unless a single job is allowed.
        """
        if allowed is None or allowed >= self.total:
            return self
        if allowed <= 1:
            return Places(allowed, 0)
        guests = min(self.guests, guest_places(allowed))
        ordinary = min(self.ordinary, allowed - guests)
        return Places(ordinary, allowed - ordinary)
