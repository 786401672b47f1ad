"""How a number is divided among nodes."""

from __future__ import annotations

import random

from ilios.cluster.shares import shares


def test_what_there_is_enough_of_everybody_gets() -> None:
    assert shares(10, {"a": 3, "b": 7}) == {"a": 3, "b": 7}


def test_what_is_short_goes_in_proportion() -> None:
    assert shares(16, {"a": 9, "b": 9, "c": 9, "d": 9}) == dict.fromkeys("abcd", 4)
    assert shares(6, {"a": 8, "b": 4}) == {"a": 4, "b": 2}


def test_one_goes_to_one_node_and_nothing_to_those_that_want_nothing() -> None:
    assert shares(1, {"b": 5, "a": 5, "c": 0}) == {"a": 1, "b": 0, "c": 0}


def test_all_of_it_is_given_and_nobody_gets_more_than_it_wants() -> None:
    chance = random.Random(1)  # noqa: S311
    for _ in range(500):
        wanted = {str(name): chance.randrange(20) for name in range(chance.randrange(1, 8))}
        total = chance.randrange(60)

        given = shares(total, wanted)

        assert sum(given.values()) == min(total, sum(wanted.values()))
        assert all(0 <= given[name] <= most for name, most in wanted.items())
