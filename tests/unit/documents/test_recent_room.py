"""An owner that had room a moment ago is believed, as long as it takes no more than that."""

from __future__ import annotations

import pytest

from ilios.accounts.holdings import Holding
from ilios.documents import recent_room
from ilios.documents.recent_room import RecentRoom

HOLDING = Holding(stored_bytes=0, storage_limit=100, waiting_documents=0, waiting_limit=3)


def test_room_that_nobody_has_asked_for_is_not_known() -> None:
    assert not RecentRoom().had("me", 1, 1)


def test_what_was_taken_is_taken() -> None:
    room = RecentRoom()
    room.note("me", HOLDING)

    assert [room.had("me", 40, 1) for _ in range(3)] == [True, True, False]
    assert not room.had("you", 1, 1)


def test_documents_take_room_too() -> None:
    room = RecentRoom()
    room.note("me", HOLDING)

    assert [room.had("me", 1, 2) for _ in range(2)] == [True, False]


def test_nothing_is_believed_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_room, "SECONDS", -1.0)
    room = RecentRoom()
    room.note("me", HOLDING)

    assert not room.had("me", 1, 1)


def test_no_more_owners_are_remembered_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_room, "OWNERS_MAX", 2)
    room = RecentRoom()
    for owner in ("a", "b", "c"):
        room.note(owner, HOLDING)

    assert not room.had("a", 1, 1)
    assert room.had("c", 1, 1)
