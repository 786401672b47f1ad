"""What a log line holds, and what it never holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ilios.core.conversion_errors import ProviderUnavailable, RefusedByProvider
from ilios.core.telemetry import log_processors
from ilios.core.telemetry.log_processors import LINE_MAX_BYTES, Scrubber

CONTENT = "the patient's name"


def rendered(event: dict[str, object]) -> str:
    return log_processors.render_json(None, "info", event)


def scrubbed(line: str, *secrets: str) -> str:
    return Scrubber(secrets)(None, "info", line)


def quote() -> None:
    raise ValueError(CONTENT)


def raised(error: Exception) -> Exception:
    """Return the error with a traceback, and with a cause that quotes a document."""
    try:
        try:
            quote()
        except ValueError as cause:
            raise error from cause
    except Exception as caught:  # noqa: BLE001  # that is what it is for
        error = caught
    return error


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_764_367_199_000_000_000, "2025-11-28T21:59:59.000000Z"),
        (1_764_367_199_999_999_999, "2025-11-28T21:59:59.999999Z"),
        (1_764_367_200_000_042_000, "2025-11-28T22:00:00.000042Z"),
    ],
)
def test_a_timestamp_is_in_utc_and_always_to_the_microsecond(
    monkeypatch: pytest.MonkeyPatch, nanoseconds: int, expected: str
) -> None:
    monkeypatch.setattr("time.time_ns", lambda: nanoseconds)

    assert log_processors.timestamp() == expected


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("https://s3.example.com/b/k?X-Amz-Signature=abc&x=1 failed", "abc"),
        ("/b/k?X-Amz-Credential=AKIA failed", "AKIA"),
        ("at http://x/objects/eyJrIjoi.c2ln now", "eyJrIjoi.c2ln"),
        ("libsql://user:secret@host/db", "secret"),
        ("Authorization: Bearer abc.def", "abc.def"),
        ('the key is pa"ss\\word', "ss\\\\word"),
    ],
)
def test_secrets_and_signed_links_are_hidden_wherever_they_stand(text: str, hidden: str) -> None:
    line = rendered({"event": "a.b", "reason": text})

    clean = scrubbed(line, 'pa"ss\\word')

    assert hidden in line
    assert hidden not in clean
    assert json.loads(clean)["event"] == "a.b"


def test_a_route_with_a_token_is_still_a_route() -> None:
    line = rendered({"route": "/objects/<token>"})

    assert scrubbed(line) == line


def test_an_exception_is_described_by_class_and_place_without_texts_of_others() -> None:
    described = log_processors.describe(raised(KeyError(CONTENT)))

    assert described["exception"] == "KeyError from ValueError"
    assert [place.endswith(" raised") for place in described["frames"]] == [True]


def test_texts_of_our_own_are_logged_but_not_those_that_the_provider_added() -> None:
    ours = raised(ProviderUnavailable("Mistral cannot be reached."))
    quoting = raised(RefusedByProvider(f"It says {CONTENT}", logged="Mistral answered 422."))

    assert (
        "ProviderUnavailable: Mistral cannot be reached."
        in log_processors.describe(ours)["exception"]
    )
    assert (
        "RefusedByProvider: Mistral answered 422." in log_processors.describe(quoting)["exception"]
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "ä" * 100_000},
        {str(number): "x" * 999 for number in range(30)},
        {"frames": ["ilios/somewhere.py:1 function"] * 2_000},
    ],
)
def test_a_line_is_at_most_as_long_as_a_pipe_takes_at_once(fields: dict[str, object]) -> None:
    line = rendered({"event": "a.b", **fields})

    assert len(line.encode()) < LINE_MAX_BYTES
    assert json.loads(line)["event"] == "a.b"


def test_of_a_value_that_json_cannot_hold_only_the_class_is_logged() -> None:
    class Page:
        def __repr__(self) -> str:
            return CONTENT

    line = rendered({"page": Page(), "path": Path("/a"), "name": "\udc80"})

    assert json.loads(line) == {"page": "Page", "path": "/a", "name": "\udc80"}
