"""Places for calls that all nodes share: never more in all, however nodes come and go."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from sqlalchemy.orm import Session

from ilios.cluster import call_places, nodes
from ilios.cluster.nodes import GONE, Identity, Said
from ilios.core import clock
from ilios.db.postgres.database import PostgresDatabase

LIMIT = 16
CALLS = 9  #: that the workers of a node could make


@dataclass
class SomeNode:
    """A node whose workers end their calls when a test says so."""

    database: PostgresDatabase
    name: str
    limit: int | None = LIMIT
    wanted: int = CALLS
    may_use: int | None = 0
    in_flight: int = 0

    def __post_init__(self) -> None:
        now = clock.now()
        self.me = Identity(self.name * 24, "workers", self.name, "host", "1", now)

    def beat(self) -> None:
        """Do what ilios.workers.cluster_node does with a sign of life."""
        with self.database.writing() as session:
            self._exchange(session)

    def _exchange(self, session: Session) -> None:
        call_places.lock(session)
        now = clock.now()
        found = nodes.holding(session, now)
        said = Said(calls_wanted=self.wanted, calls_limit=self.limit)
        places = call_places.grant(found, self.me, said)
        held = CALLS if places is None else max(places, self.in_flight)
        nodes.say(session, self.me, said.holding(held), now)
        self.may_use = places

    def call(self) -> None:
        """Begin as many calls as it may."""
        self.in_flight = max(self.in_flight, CALLS if self.may_use is None else self.may_use)

    def end_calls(self) -> None:
        self.in_flight = 0


@pytest.fixture
def four(shared: PostgresDatabase) -> list[SomeNode]:
    return [SomeNode(shared, name) for name in "abcd"]


def in_flight(some: list[SomeNode]) -> int:
    return sum(one.in_flight for one in some)


def test_without_a_number_each_node_makes_as_many_calls_as_it_can(
    shared: PostgresDatabase,
) -> None:
    first, second = SomeNode(shared, "a", limit=None), SomeNode(shared, "b", limit=None)
    first.beat()
    second.beat()

    assert (first.may_use, second.may_use) == (None, None)


def test_one_node_has_all_that_it_can_use_and_four_have_a_quarter_each(
    four: list[SomeNode],
) -> None:
    four[0].beat()
    assert four[0].may_use == CALLS

    for _ in range(2):
        for one in four:
            one.beat()

    assert [one.may_use for one in four] == [4, 4, 4, 4]


def test_a_node_takes_over_places_only_once_the_calls_in_them_have_ended(
    four: list[SomeNode],
) -> None:
    first, second, *_ = four
    first.beat()
    second.beat()
    first.call()
    second.call()
    assert (first.in_flight, second.in_flight) == (9, 7)

    first.beat()  # it is to have eight from now on, and nine are in flight
    second.beat()
    assert (first.may_use, second.may_use) == (8, 7)
    second.call()
    assert in_flight(four) == LIMIT

    first.end_calls()
    first.beat()
    second.beat()
    assert (first.may_use, second.may_use) == (8, 8)


def test_the_places_of_a_node_that_is_gone_or_claims_nothing_are_others(
    four: list[SomeNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *_ = four
    for _ in range(2):
        first.beat()
        second.beat()
    second.wanted = 0  # it is drained
    second.beat()
    first.beat()
    assert (first.may_use, second.may_use) == (9, 0)

    second.wanted = CALLS
    for _ in range(2):
        second.beat()
        first.beat()
    assert (first.may_use, second.may_use) == (8, 8)
    now = clock.now() + GONE
    monkeypatch.setattr(clock, "now", lambda: now)  # `b` says no more
    first.beat()
    assert first.may_use == 9


def test_of_nodes_that_were_given_different_numbers_the_smallest_holds(
    shared: PostgresDatabase,
) -> None:
    first, second = SomeNode(shared, "a", limit=12), SomeNode(shared, "b", limit=None)
    for _ in range(2):
        first.beat()
        second.beat()

    assert (first.may_use, second.may_use) == (6, 6)


def test_the_number_holds_whatever_happens_in_which_order(four: list[SomeNode]) -> None:
    chance = random.Random(1)  # noqa: S311
    for _ in range(400):
        one = chance.choice(four)
        happens = chance.choice((one.beat, one.beat, one.call, one.end_calls))
        happens()
        if chance.random() < 0.1:
            one.wanted = CALLS - one.wanted

        assert in_flight(four) <= LIMIT
