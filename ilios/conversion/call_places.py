"""The places for calls of a worker process, by lane."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from ilios.core.owner_places import OwnerPlaces, guest_places
from ilios.engines.base import Engine


class CallPlaces:
    """As many as the engines take, and those of guests; a node of a cluster may have fewer."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self._ordinary = {lane: engine.concurrency for lane, engine in engines.items()}
        self._places = {
            lane: OwnerPlaces(calls, guest_places(calls)) for lane, calls in self._ordinary.items()
        }

    def held(self, lane: str, owner: str) -> AbstractContextManager[None]:
        """Hold a place for a call of an owner; wait for one if need be."""
        return self._places[lane].held(owner)

    def limit(self, lane: str, most: int) -> None:
        """Let no call of a lane begin beside so many others; those in flight go on.

        Of fewer than all, guests have none to themselves.
        """
        ordinary = min(most, self._ordinary[lane])
        self._places[lane].resize(ordinary, most - ordinary)

    def in_flight(self, lane: str) -> int:
        """Return how many calls of a lane are in flight."""
        return self._places[lane].taken
