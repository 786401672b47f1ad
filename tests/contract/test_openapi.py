"""The OpenAPI document: valid, complete, and true to the routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from ilios.api.schema_names import NULL
from tests.support.api_callers import Caller
from tests.support.sharing import app, settings  # noqa: F401

FORMS = (
    *("ConvertForm", "SubmitForm", "BatchForm", "UploadForm", "EstimateForm", "WebhookTestForm"),
    *("ConvertUrlForm", "SubmitUrlForm", "BatchUrlForm"),
)
PAGES = {"site.page", "site.docs", "site.admin", "site.openapi_json", "site.asset"}


@pytest.fixture
def document(nobody: Caller) -> dict[str, Any]:
    answer: dict[str, Any] = nobody.get("/openapi.json").get_json()
    return answer


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    # Imported here, for it takes seconds, and each process imports all modules of the tests.
    from openapi_spec_validator import validate

    validate(document)


def test_every_route_is_documented(
    app: Flask,  # noqa: F811
    document: dict[str, Any],
) -> None:
    documented = set(document["paths"])
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in PAGES:
            plain = "/".join(
                "{" + part.strip("<>").split(":")[-1] + "}" if part.startswith("<") else part
                for part in rule.rule.split("/")
            )
            assert plain in documented


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"].endswith("."), name


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]

    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch("[a-z]+([A-Z][a-z0-9]*)*", name)] == []
    assert {"convert", "documentSubmit", "doclingConvertFile", "mistralOcr"} <= set(names)


def objects_in(part: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects with fields that a part of the document describes."""
    if isinstance(part, dict):
        if part.get("type") == "object" and "properties" in part:
            yield part
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from objects_in(inner)


def test_objects_have_names(document: dict[str, Any]) -> None:
    """Generators call what has none after where it stands: `FileListResponse200DataItem`."""
    assert list(objects_in(document["paths"])) == []


def test_values_that_have_a_name_have_it_wherever_they_are(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    state = {"$ref": "#/components/schemas/DocumentState"}
    listing = document["paths"]["/api/documents"]["get"]["parameters"]

    assert "awaiting_upload" in schemas["DocumentState"]["enum"]
    for name in ("DocumentStatus", "ListedDocument", "BatchDocument"):
        assert schemas[name]["properties"]["status"]["allOf"] == [state]
    assert [one["schema"] for one in listing if one["name"] == "status"] == [state]


def test_a_named_value_that_may_be_null_says_so_where_it_is(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["Engine"] == {"type": "string", "enum": ["embedded", "mistral"]}
    engine = {"$ref": "#/components/schemas/Engine"}
    assert schemas["Page"]["properties"]["engine"]["anyOf"] == [engine, NULL]
    assert schemas["Estimate"]["properties"]["engine"]["allOf"] == [engine]
    governor = {"$ref": "#/components/schemas/Governor"}
    assert schemas["Status"]["properties"]["governor"]["anyOf"] == [governor, NULL]


def test_no_object_has_a_field_of_its_own_name(document: dict[str, Any]) -> None:
    """Clients in Python would have one variable for both."""
    for name, schema in document["components"]["schemas"].items():
        assert name[:1].lower() + name[1:] not in schema.get("properties", {}), name


@pytest.mark.parametrize(
    ("schema", "left_out"),
    [
        ("Accepted", set()),
        ("DocumentList", set()),
        ("ListedDocument", {"error", "errorCode", "matches"}),
        ("Page", {"blocks", "words"}),
        ("Problem", {"id", "statusUrl", "path", "errors"}),
        ("Result", set()),
        (
            "DocumentStatus",
            {"startedAt", "processedAt", "queuePosition", "error", "errorCode", "downloadUrl"},
        ),
    ],
)
def test_what_is_in_every_answer_is_required(
    document: dict[str, Any], schema: str, left_out: set[str]
) -> None:
    described = document["components"]["schemas"][schema]

    assert described["properties"].keys() - described["required"] == left_out


@pytest.mark.parametrize("name", ["convert", "documentResult"])
def test_the_form_that_a_result_has_by_default_comes_first(
    document: dict[str, Any], name: str
) -> None:
    """Of several types generators know one, which is the first."""
    (found,) = (one for _, one in operations(document) if one["operationId"] == name)

    assert next(iter(found["responses"]["200"]["content"])) == "text/markdown"


def test_every_status_is_documented_by_name(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert all(status.isdigit() for status in operation["responses"]), name


def test_every_operation_may_have_its_head_refused(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert {"400", "408", "414", "431"} <= operation["responses"].keys(), name


def test_what_is_said_of_a_deleted_document_is_documented(
    anna: Caller, document: dict[str, Any]
) -> None:
    deleted = anna.submit()
    anna.call("DELETE", f"/api/documents/{deleted}")

    for path, item in document["paths"].items():
        if "{document_id}" not in path:
            continue
        asked = path.format(document_id=deleted, name="figure.png", number=1)
        for method in item.keys() - {"parameters"}:
            answer = anna.call(method.upper(), asked)
            assert str(answer.status_code) in item[method]["responses"], (method, path)


def test_what_a_client_sends_is_never_null(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    sent = [field for form in FORMS for field in schemas[form]["properties"].values()]
    sent += [
        parameter["schema"]
        for _, operation in operations(document)
        for parameter in operation.get("parameters", ())
    ]
    assert len(sent) > 50
    for field in sent:
        assert not field.get("nullable"), field
        assert field.get("default", "") is not None, field
        assert None not in field.get("enum", ()), field


def test_values_of_a_known_form_have_a_pattern(document: dict[str, Any]) -> None:
    fields = document["components"]["schemas"]["SubmitForm"]["properties"]
    for name, right, wrong in (("pages", "1-3, 7", "1-"), ("maxCostUsd", "0.25", ".5")):
        assert re.match(fields[name]["pattern"], right)
        assert not re.match(fields[name]["pattern"], wrong)
        assert re.match(fields[name]["pattern"], fields[name]["example"])


def test_problems_are_documented_as_problem_json(document: dict[str, Any]) -> None:
    for name, response in document["components"]["responses"].items():
        assert list(response["content"]) == ["application/problem+json"], name


def test_public_routes_need_no_key_and_all_others_do(
    app: Flask,  # noqa: F811
    document: dict[str, Any],
) -> None:
    assert document["security"] == [{"bearer": []}]
    open_paths = {name for name, operation in operations(document) if "security" in operation}
    assert open_paths | {"get /metrics"} == {
        name for name, operation in operations(document) if "x-scope" not in operation
    }
    assert open_paths == {
        "get /health", "get /livez", "get /readyz", "get /objects/{token}", "put /objects/{token}",
        "get /general/docs", "get /tika",
    }  # fmt: skip


@pytest.mark.parametrize("schema", ["ResultUsage", "Totals"])
def test_token_counts_are_called_estimates(document: dict[str, Any], schema: str) -> None:
    fields = document["components"]["schemas"][schema]["properties"]
    tokens = {name: field for name, field in fields.items() if "token" in name.lower()}
    assert len(tokens) >= 2
    for name, field in tokens.items():
        assert "estimate" in field["description"].lower(), name


def test_every_field_of_a_form_has_a_description_or_an_example(document: dict[str, Any]) -> None:
    for form in FORMS:
        for name, field in document["components"]["schemas"][form]["properties"].items():
            assert {"description", "example"} & set(field), f"{form}.{name}"
