"""How many listeners a key may have, and all together."""

from __future__ import annotations

import pytest

from ilios.accounts.keys import ANONYMOUS
from ilios.api.listener_places import ListenerPlaces
from ilios.core.listener_errors import TooManyListeners
from ilios.core.request_errors import Busy


def test_a_key_has_its_own_bound() -> None:
    places = ListenerPlaces(total=10, of_key=2)
    for _ in range(2):
        places.take("a")

    with pytest.raises(TooManyListeners, match="2 connections"):
        places.take("a")
    places.take("b")


def test_all_together_have_one_too() -> None:
    places = ListenerPlaces(total=3, of_key=2)
    for owner in "aab":
        places.take(owner)

    with pytest.raises(Busy):
        places.take("b")


def test_without_keys_anybody_may_take_all() -> None:
    places = ListenerPlaces(total=3, of_key=1)
    for _ in range(3):
        places.take(ANONYMOUS)

    with pytest.raises(Busy):
        places.take(ANONYMOUS)


def test_a_place_that_is_given_back_is_free() -> None:
    places = ListenerPlaces(total=1, of_key=1)
    places.take("a")
    places.give_back("a")

    places.take("b")
