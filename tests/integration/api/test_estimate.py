"""Estimates: pages and cost, told without converting or keeping anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from ilios.accounts.keys import owner_of
from ilios.api.services import EXTENSION
from ilios.core.settings import Settings
from ilios.documents import estimates, parser_places
from tests.support import sample_files
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY, serving, with_keys
from tests.support.forking import REPOSITORY
from tests.support.sharing import app, settings  # noqa: F401

THREE_PAGES = sample_files.pdf(*(sample_files.text(f"Page {number}") for number in range(3)))
DOCX = (REPOSITORY / "samples" / "meeting-notes.docx").read_bytes()
ENCRYPTED = (REPOSITORY / "tests" / "samples" / "encrypted.pdf").read_bytes()


@pytest.fixture(scope="module")
def paying(settings: Settings) -> Iterator[Caller]:  # noqa: F811
    """Make a caller of a service whose engine is Mistral."""
    with serving(with_keys(settings).model_copy(update={"ocr_engine": "mistral"})) as service:
        yield Caller(service.test_client(), KEY)


def estimated(caller: Caller, content: bytes, name: str, **fields: str) -> TestResponse:
    return caller.post("/v1/estimate", {"file": file(content, name), **fields})


def test_the_embedded_engine_costs_nothing(
    anna: Caller, nothing_is_kept: Callable[[], None], temporary_files: Callable[[], list[Path]]
) -> None:
    for content, name, pages in ((THREE_PAGES, "a.pdf", 3), (DOCX, "a.docx", 1)):
        answer = estimated(anna, content, name)

        assert answer.status_code == 200, answer.text
        assert answer.get_json() == {
            "pages": pages,
            "pagesTotal": pages,
            "pagesAreEstimated": False,
            "engine": "embedded",
            "model": "embedded",
            "costUsd": 0,
            "costMicros": 0,
        }
    nothing_is_kept()
    assert temporary_files() == []


@pytest.mark.parametrize(
    ("fields", "pages", "model", "micros"),
    [
        ({}, 3, "mistral-ocr-latest", 3 * 5200),
        ({"pages": "1,3"}, 2, "mistral-ocr-latest", 2 * 5200),
        ({"model": "mistral-ocr-2512"}, 3, "mistral-ocr-2512", 3 * 2600),
        ({"model": "mistral-small-latest"}, 3, "mistral-ocr-latest", 3 * 5200),
        ({"useMistralBatch": "true"}, 3, "mistral-ocr-latest", 3 * 2600),
    ],
)
def test_mistral_costs_its_price_and_the_margin_for_each_selected_page(
    paying: Caller, fields: dict[str, str], pages: int, model: str, micros: int
) -> None:
    answer = estimated(paying, THREE_PAGES, "a.pdf", **fields)

    assert answer.get_json() == {
        "pages": pages,
        "pagesTotal": 3,
        "pagesAreEstimated": False,
        "engine": "mistral",
        "model": model,
        "costUsd": micros / 1_000_000,
        "costMicros": micros,
    }


def test_what_only_mistral_can_count_is_marked_as_estimated(paying: Caller) -> None:
    body = estimated(paying, DOCX, "a.docx").get_json()
    assert (body["engine"], body["pages"], body["pagesAreEstimated"]) == ("mistral", 1, True)


def test_what_mistral_does_not_read_costs_nothing(paying: Caller) -> None:
    body = estimated(paying, b"# Title", "a.md").get_json()
    assert (body["engine"], body["model"], body["costMicros"]) == ("embedded", "embedded", 0)


REFUSED = [
    (ENCRYPTED, "a.pdf", {}, 422, "encrypted_document"),
    (THREE_PAGES[:200], "a.pdf", {}, 422, "corrupt_document"),
    (THREE_PAGES, "a.pdf", {"pages": "4"}, 422, "pages_out_of_range"),
    (b"", "a.pdf", {}, 400, "empty_file"),
    (bytes(range(256)) * 12, "a.bin", {}, 415, "unsupported_type"),
    (DOCX, "a.docx", {"pages": "1"}, 422, "option_unavailable"),
    (THREE_PAGES, "a.pdf", {"model": "gpt-9"}, 422, "option_unavailable"),
]


@pytest.mark.parametrize(("content", "name", "fields", "status", "code"), REFUSED)
def test_what_cannot_be_converted_cannot_be_estimated(
    paying: Caller, nothing_is_kept: Callable[[], None],
    temporary_files: Callable[[], list[Path]],
    content: bytes, name: str, fields: dict[str, str], status: int, code: str,
) -> None:  # fmt: skip
    answer = estimated(paying, content, name, **fields)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    nothing_is_kept()
    assert temporary_files() == []


def test_a_document_that_takes_too_long_to_count_says_so(
    settings: Settings,  # noqa: F811
    temporary_files: Callable[[], list[Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(estimates, "COUNT_SECONDS", 0.0)

    # A service of its own: its parser child has yet to start, and cannot have answered.
    with serving(with_keys(settings)) as service:
        answer = estimated(Caller(service.test_client(), KEY), THREE_PAGES, "a.pdf")

    assert (answer.status_code, answer.get_json()["code"]) == (422, "deadline_exceeded")
    assert "counted" in answer.get_json()["detail"]
    assert temporary_files() == []


def test_a_key_that_would_wait_long_for_its_own_estimates_is_asked_to_come_again(
    app: Flask,  # noqa: F811
    anna: Caller,
    bert: Caller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parser_places, "WAIT_SECONDS", 0.05)
    service: estimates.Estimates = app.extensions[EXTENSION].estimates
    with service._places.held(owner_of(KEY)):
        answer = estimated(anna, THREE_PAGES, "a.pdf")
        assert estimated(bert, THREE_PAGES, "a.pdf").status_code == 200

    assert (answer.status_code, answer.get_json()["code"]) == (503, "busy")
    assert int(answer.headers["Retry-After"]) > 0
    assert estimated(anna, THREE_PAGES, "a.pdf").status_code == 200
