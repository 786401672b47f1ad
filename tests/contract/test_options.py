"""Options that cannot be had from the engine that is configured: refused, never ignored."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from ilios.core.settings import Settings
from tests.contract.problems import BATCH, ESTIMATE, FORMS, ONE_FILE, SINGLE, assert_problem
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY

MISTRALS = [
    ((*SINGLE, BATCH), {"tableFormat": "html"}),
    ((*SINGLE, BATCH), {"tableFormat": "markdown"}),
    ((*SINGLE, BATCH), {"extractHeader": "true"}),
    ((*SINGLE, BATCH), {"extractFooter": "true"}),
    ((*SINGLE, BATCH), {"includeImages": "false"}),
    ((*SINGLE, BATCH), {"confidence": "word"}),
    ((*SINGLE, BATCH), {"imageLimit": "0"}),
    ((*SINGLE, BATCH), {"imageMinSize": "1"}),
    (FORMS, {"schema": "{}"}),
    (FORMS, {"imageSchema": "{}"}),
    (FORMS, {"instructions": "In euros."}),
    ((BATCH, ESTIMATE), {"useMistralBatch": "true"}),
    (FORMS, {"model": "mistral-ocr-2512"}),
]


@pytest.mark.parametrize(("paths", "fields"), MISTRALS)
def test_what_only_mistral_can_do_is_refused_without_it(
    anna: Caller, nothing_is_kept: Callable[[], None],
    paths: tuple[str, ...], fields: dict[str, str],
) -> None:  # fmt: skip
    for path in paths:
        answer = anna.post(path, {"files" if path == BATCH else "file": file(), **fields})
        (asked,) = fields.items()
        assert_problem(answer, 422, "option_unavailable", "=".join(asked), "eave it out")
    nothing_is_kept()


@pytest.fixture
def paying(make_app: Callable[[Settings], Flask], api_settings: Settings) -> Caller:
    """Make a caller of a service whose engine is Mistral."""
    mistral = api_settings.model_copy(update={"ocr_engine": "mistral"})
    return Caller(make_app(mistral).test_client(), KEY)


@pytest.mark.parametrize("model", ["gpt-9", "embedded", "mistral-ocr", "*", ""])
def test_a_model_that_nobody_knows_is_refused_with_those_that_are(
    paying: Caller, nothing_is_kept: Callable[[], None], model: str
) -> None:
    for path in FORMS:
        answer = paying.post(path, {"files" if path == BATCH else "file": file(), "model": model})
        assert_problem(
            answer, 422, "option_unavailable", f"model={model}",
            "default, mistral-small-latest, mistral-ocr-latest", "mistral-ocr-2512",
        )  # fmt: skip
    nothing_is_kept()


@pytest.mark.parametrize(
    "fields",
    [{"tableFormat": "html"}, {"confidence": "word"}, {"imageLimit": "5"}, {"imageMinSize": "9"}],
)
def test_what_mistral_does_not_read_has_none_of_its_options(
    paying: Caller, nothing_is_kept: Callable[[], None], fields: dict[str, str]
) -> None:
    for path in SINGLE:
        answer = paying.post(path, {"file": file(b"# Title", "a.md"), **fields})
        assert_problem(answer, 422, "option_unavailable", "a.md is text/markdown", *fields)
    nothing_is_kept()


@pytest.mark.parametrize("path", ONE_FILE)
def test_pages_of_what_has_no_pages_for_mistral_are_refused(
    paying: Caller, nothing_is_kept: Callable[[], None], path: str
) -> None:
    answer = paying.post(path, {"file": file(), "pages": "1"})
    assert_problem(answer, 422, "option_unavailable", "pages", "text/plain")
    nothing_is_kept()
