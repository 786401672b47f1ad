"""The client for programs has the API's own words: those of the OpenAPI document."""

from __future__ import annotations

from typing import Any

import pytest

from ilios.client import answers, fields
from tests.support.api_callers import Caller
from tests.support.sharing import app, settings  # noqa: F401

FORMS = {"SubmitForm": fields.Conversion, "BatchForm": fields.BatchConversion}
QUERIES = {
    "/api/documents/{document_id}": fields.Shown,
    "/v1/batch/download/{batch_id}": fields.BatchShown,
}
ANSWERS = {
    "Accepted": answers.Accepted,
    "DocumentStatus": answers.DocumentStatus,
    "Result": answers.Result,
    "ListedPage": answers.ListedPage,
    "PageList": answers.PageList,
    "BatchDocument": answers.BatchDocument,
    "BatchAccepted": answers.BatchAccepted,
    "BatchStatus": answers.BatchStatus,
    "UsageSummary": answers.UsageSummary,
    "UsageBreakdown": answers.UsageBreakdown,
    "Delivery": answers.Delivery,
    "DeliveryList": answers.Deliveries,
}
OF_METHODS = {"file", "files", "format", "pages"}  #: arguments with a name of their own


@pytest.fixture
def document(nobody: Caller) -> dict[str, Any]:
    answer: dict[str, Any] = nobody.get("/openapi.json").get_json()
    return answer


def words(typed: Any) -> set[str]:
    return set(typed.__required_keys__ | typed.__optional_keys__)


@pytest.mark.parametrize("name", FORMS)
def test_what_is_sent_has_the_fields_of_the_form(document: dict[str, Any], name: str) -> None:
    sent = set(document["components"]["schemas"][name]["properties"])

    assert words(FORMS[name]) | OF_METHODS == sent | OF_METHODS


@pytest.mark.parametrize("path", QUERIES)
def test_what_is_asked_for_has_the_fields_of_the_query(document: dict[str, Any], path: str) -> None:
    asked = {one["name"] for one in document["paths"][path]["get"]["parameters"]}

    assert words(QUERIES[path]) == {
        name for name in asked - OF_METHODS if not name.endswith("_id") and name[0].islower()
    }


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_has_the_fields_of_the_api(document: dict[str, Any], name: str) -> None:
    answered = set(document["components"]["schemas"][name]["properties"])

    assert words(ANSWERS[name]) == answered
