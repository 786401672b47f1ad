"""Places at the parser children of a web process: owners take turns, and nobody holds all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ilios.core import computing
from ilios.core.owner_places import OwnerPlaces
from ilios.core.request_errors import Busy
from ilios.engines.parser_pool import GUEST_PARSERS, PARSERS

WAIT_SECONDS: Final = 20.0
"""For documents that come before. Longer than it takes to count the pages of one, or to draw one:
while two owners hold the places, a third one's turn comes within that."""


class ParserPlaces:
    """The places at one kind of work."""

    def __init__(self, doing: str) -> None:
        """Name what is done there, as in "Other PDFs have been made"."""
        self._doing = doing
        self._places = OwnerPlaces(PARSERS, GUEST_PARSERS)

    @contextmanager
    def held(self, owner: str) -> Iterator[None]:
        """Hold a place; wait for one if need be. Raises Busy after WAIT_SECONDS."""
        with computing.waiting():
            try:
                self._places.take(owner, WAIT_SECONDS)
            except TimeoutError:
                raise Busy(f"{self._doing} for {WAIT_SECONDS:.0f} s. Try again.") from None
        try:
            yield
        finally:
            self._places.give_back(owner)
