"""Clients that do not read: how many answers of whom may wait for them."""

from __future__ import annotations

from dataclasses import dataclass

from ilios.api.server.senders import OWNER_SENDERS_MAX, SENDERS_MAX, Senders


@dataclass(frozen=True)
class Reader:
    owner: str
    send_deadline: float


def senders(*readers: Reader) -> Senders[Reader]:
    kept: Senders[Reader] = Senders()
    for reader in readers:
        kept.add(reader)
    return kept


def test_none_is_too_many() -> None:
    assert senders().surplus() is None
    assert senders(*(Reader("a", n) for n in range(OWNER_SENDERS_MAX))).surplus() is None


def test_an_owner_with_more_than_its_share_loses_its_slowest_reader() -> None:
    slow = Reader("a", -1.0)
    many = [Reader("a", n) for n in range(OWNER_SENDERS_MAX)]
    assert senders(Reader("b", -2.0), *many, slow).surplus() == slow


def test_beyond_the_limit_of_all_the_owner_with_the_most_gives_way() -> None:
    kept = senders(
        *(Reader("a", n) for n in range(OWNER_SENDERS_MAX)),
        *(Reader("b", n) for n in range(SENDERS_MAX - OWNER_SENDERS_MAX)),
        Reader("c", -5.0),
    )
    assert len(kept) == SENDERS_MAX + 1
    first = kept.surplus()
    assert first is not None
    assert first.owner in ("a", "b")
    kept.remove(first)
    assert kept.surplus() is None


def test_those_whose_time_is_over_are_given_up() -> None:
    kept = senders(Reader("a", 1.0), Reader("b", 2.0), Reader("b", 3.0))
    assert set(kept.overdue(2.0)) == {Reader("a", 1.0), Reader("b", 2.0)}
