"""Whose requests share threads and places."""

from __future__ import annotations

import pytest

from ilios.api.server import callers
from ilios.api.server.callers import NO_KEY, UNKNOWN, Callers, key_of


@pytest.mark.parametrize(
    ("field", "key"),
    [
        (b"Authorization: Bearer a-key", "a-key"),
        (b"authorization:bearer \t a-key \t", "a-key"),
        (b"AUTHORIZATION: BEARER a-key\xa0", "a-key"),  # which the authenticator strips too
        (b"X-Authorization: Bearer a-key", ""),
        (b"Authorization:", ""),
    ],
)
def test_a_key_is_the_same_caller_however_it_is_written(field: bytes, key: str) -> None:
    assert key_of(b"GET / HTTP/1.1\r\n" + field + b"\r\n\r\n") == key


def test_a_body_says_nothing_about_its_caller() -> None:
    assert key_of(b"POST / HTTP/1.1\r\n\r\nAuthorization: Bearer a-key\r\n\r\n") == NO_KEY


def test_keys_that_are_made_up_are_one_caller() -> None:
    known = Callers()

    assert {known.of(f"made-up-{number}") for number in range(9)} == {UNKNOWN}
    known.know("a-key")

    assert known.of("a-key") == "a-key"
    assert known.of("another") == UNKNOWN


def test_who_brings_no_key_is_no_key_whatever_was_answered() -> None:
    known = Callers()
    known.know(NO_KEY)

    assert known.of(NO_KEY) == NO_KEY


def test_the_key_that_was_used_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "KNOWN_MAX", 2)
    known = Callers()
    for key in ("a", "b", "a", "c"):
        known.know(key)

    assert [known.of(key) for key in "abc"] == ["a", UNKNOWN, "c"]
