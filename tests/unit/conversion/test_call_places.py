"""Places for calls of a worker, of which a node of a cluster may have fewer than it could use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from ilios.conversion.call_places import CallPlaces
from tests.support.waiting import wait_until

LANE = "mistral"
CALLS = 8


@pytest.fixture
def places() -> CallPlaces:
    engine: Any = SimpleNamespace(concurrency=CALLS)
    return CallPlaces({LANE: engine})


@pytest.fixture
def held(places: CallPlaces) -> Iterator[ExitStack]:
    """Provide what holds places until the test ends."""
    with ExitStack() as stack:
        yield stack


def test_a_lone_owner_has_all_calls_but_that_of_a_guest(
    places: CallPlaces, held: ExitStack
) -> None:
    for _ in range(CALLS):
        held.enter_context(places.held(LANE, "anna"))

    held.enter_context(places.held(LANE, "ben"))

    assert places.in_flight(LANE) == CALLS + 1


def test_calls_in_flight_go_on_when_there_are_to_be_fewer_and_more_begin_with_room(
    places: CallPlaces,
) -> None:
    may_end = threading.Event()

    def call() -> None:
        with places.held(LANE, "anna"):
            may_end.wait(20)

    threads = [threading.Thread(target=call) for _ in range(4)]
    places.limit(LANE, 3)
    for thread in threads:
        thread.start()
    wait_until(lambda: places.in_flight(LANE) == 3, 20)

    places.limit(LANE, 1)
    assert places.in_flight(LANE) == 3
    places.limit(LANE, CALLS)
    wait_until(lambda: places.in_flight(LANE) == 4, 20)

    may_end.set()
    for thread in threads:
        thread.join()
    assert places.in_flight(LANE) == 0
