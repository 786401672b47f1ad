"""What a line of the log holds, and what it never holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ilios.core.conversion_errors import ProviderUnavailable, RefusedByProvider
from ilios.core.telemetry import log_format
from ilios.core.telemetry.log_format import LINE_MAX_BYTES, Scrubber

CONTENT = "the patient's name"


def quote() -> None:
    raise ValueError(CONTENT)


def raised(error: Exception) -> Exception:
    """The error with a traceback, and with a cause that quotes a document."""
    try:
        try:
            quote()
        except ValueError as cause:
            raise error from cause
    except Exception as caught:  # noqa: BLE001  # that is what it is for
        error = caught
    return error


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
    line = log_format.as_json({"event": "a.b", "reason": text})

    scrubbed = Scrubber(['pa"ss\\word'])(line)

    assert hidden in line
    assert hidden not in scrubbed
    assert json.loads(scrubbed)["event"] == "a.b"


def test_a_route_with_a_token_is_still_a_route() -> None:
    line = log_format.as_json({"route": "/objects/<token>"})

    assert Scrubber([])(line) == line


def test_an_exception_is_told_by_class_and_place_without_words_of_others() -> None:
    told = log_format.describe(raised(KeyError(CONTENT)))

    assert told["exception"] == "KeyError from ValueError"
    assert [place.endswith(" raised") for place in told["frames"]] == [True]


def test_words_of_our_own_are_told_but_not_those_that_the_provider_added() -> None:
    ours = raised(ProviderUnavailable("Mistral cannot be reached."))
    quoting = raised(RefusedByProvider(f"It says {CONTENT}", logged="Mistral answered 422."))

    assert (
        "ProviderUnavailable: Mistral cannot be reached." in log_format.describe(ours)["exception"]
    )
    assert "RefusedByProvider: Mistral answered 422." in log_format.describe(quoting)["exception"]


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "ä" * 100_000},
        {str(number): "x" * 999 for number in range(30)},
        {"frames": ["ilios/somewhere.py:1 function"] * 2_000},
    ],
)
def test_a_line_is_as_long_as_a_pipe_takes_at_once(fields: dict[str, object]) -> None:
    line = log_format.as_json({"event": "a.b", **fields})

    assert len(line.encode()) < LINE_MAX_BYTES
    assert json.loads(line)["event"] == "a.b"


def test_what_json_has_no_word_for_is_named_only() -> None:
    class Page:
        def __repr__(self) -> str:
            return CONTENT

    line = log_format.as_json({"page": Page(), "path": Path("/a"), "name": "\udc80"})

    assert json.loads(line) == {"page": "Page", "path": "/a", "name": "\udc80"}
