"""No document is taken twice."""

from __future__ import annotations

from ilios.local.bulk.known import Known
from ilios.local.bulk.messages import Entry, Item, Seen
from ilios.local.bulk.sources import mark_of

ID = "0a" * 12
OTHER_ID = "0b" * 12


def item(place: str = "/a.txt", version: str = "1-1") -> Item:
    return Item("a.txt", "a.txt", place, version, 1)


def seen(id_: str = ID, place: str = "/a.txt") -> Seen:
    return Seen(item(place), id_, "00" * 32, 1, "text/plain")


def test_a_document_is_taken_once_until_it_is_released() -> None:
    known = Known()

    assert known.claim(seen())
    assert not known.claim(seen(place="/b.txt"))
    assert not known.has(ID)
    known.release(seen())
    assert known.claim(seen(place="/b.txt"))


def test_what_is_there_is_not_taken_again() -> None:
    known = Known()
    known.claim(seen())
    known.settle(seen())

    assert known.has(ID)
    assert not known.claim(seen())


def test_a_document_that_was_lost_is_taken_again() -> None:
    known = Known()
    known.settle(seen())
    known.release(seen())

    assert not known.has(ID)
    assert known.claim(seen())


def test_what_is_as_it_was_is_not_read_again() -> None:
    known = Known()
    known.add([Entry(ID, "a.txt", mark_of(item()))])

    assert known.has_unchanged(item())
    assert not known.has_unchanged(item(version="1-2"))
    assert not known.has_unchanged(item(place="/b.txt"))
    assert not known.has_unchanged(item(version=""))


def test_a_document_like_another_counts_only_if_that_one_is_there() -> None:
    same = Entry(ID, "b.txt", mark_of(item("/b.txt")), is_same=True)
    known = Known()
    known.add([same])

    assert not known.has(ID)
    assert not known.has_unchanged(item("/b.txt"))

    known.add([Entry(ID, "a.txt")])
    assert known.has_unchanged(item("/b.txt"))

    known.release(seen())
    assert not known.has_unchanged(item("/b.txt"))
