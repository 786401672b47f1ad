"""Nothing that clients and operators rely on is taken away, unless docs/stability.md says so."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ilios.api.middleware.deprecations import DEPRECATED
from scripts import compatibility
from tests.support.forking import REPOSITORY
from tests.unit.structure.pages import table

PAGE = REPOSITORY / "docs" / "stability.md"
LEAST = timedelta(days=182)  #: from a deprecation to the end

Json = dict[str, Any]


@pytest.fixture(scope="module")
def baseline() -> Json:
    found: Json = json.loads((REPOSITORY / compatibility.BASELINE).read_text())
    return found


def test_what_was_taken_away_since_the_last_release_is_listed_and_nothing_else(
    baseline: Json,
) -> None:
    surface = [sys.executable, str(REPOSITORY / "scripts" / "surface.py"), str(REPOSITORY)]
    now = json.loads(subprocess.run(surface, check=True, stdout=subprocess.PIPE).stdout)

    assert compatibility.differences(baseline, now, PAGE.read_text()) == ([], [])


def submit(surface: Json) -> Json:
    """Return the form of a submit."""
    form: Json = surface["openapi"]["components"]["schemas"]["SubmitForm"]
    return form


def status(surface: Json) -> Json:
    """Return what the status of a document answers."""
    answer: Json = surface["openapi"]["components"]["schemas"]["DocumentStatus"]
    return answer


def listing(surface: Json) -> Json:
    found: Json = surface["openapi"]["paths"]["/api/documents"]["get"]
    return found


def field(schema: Json, name: str) -> Json:
    found: Json = schema["properties"][name]
    return found


def setting(surface: Json, name: str) -> Json:
    found: Json = dict(surface["settings"])[name]
    return found


def metric(surface: Json, name: str) -> list[Any]:
    found: list[Any] = dict(surface["metric_instruments"])[name]
    return found


def rename_metric(surface: Json) -> None:
    for one in surface["metric_instruments"]:
        one[0] = one[0].replace("ilios_pickup_seconds", "ilios_claim_seconds")
    surface["metrics"] = [m for m in surface["metrics"] if m[0] != "ilios_pickup_seconds"]


def remove_metric(surface: Json) -> None:
    surface["metrics"] = [m for m in surface["metrics"] if m[0] != "ilios_queue_jobs"]


def remove_code(surface: Json) -> None:
    info = surface["openapi"]["info"]
    info["description"] = info["description"].replace("| `empty_document` |", "| empty |")


Change = Callable[[Json], object]
TAKEN_AWAY: dict[str, tuple[Change, str]] = {
    "path": (lambda s: s["openapi"]["paths"].pop("/v1/estimate"), "path /v1/estimate is gone"),
    "method": (
        lambda s: s["openapi"]["paths"]["/api/documents/{document_id}"].pop("delete"),
        "operation DELETE /api/documents/{document_id} is gone",
    ),
    "status": (
        lambda s: listing(s)["responses"].pop("200"),
        "GET /api/documents: status 200 is gone",
    ),
    "parameter": (
        lambda s: listing(s)["parameters"].pop(),
        "GET /api/documents: parameter query limit is gone",
    ),
    "required parameter": (
        lambda s: listing(s)["parameters"][-1].update(required=True),
        "GET /api/documents: parameter query limit is required",
    ),
    "scope": (
        lambda s: listing(s).update({"x-scope": "admin"}),
        "GET /api/documents: another scope is needed",
    ),
    "field of a form": (
        lambda s: submit(s)["properties"].pop("cache"),
        "POST /api/documents/submit: request: field cache is gone",
    ),
    "required field": (
        lambda s: submit(s)["required"].append("pages"),
        "POST /api/documents/submit: request: field pages is required",
    ),
    "pattern": (
        lambda s: field(submit(s), "pages").update(pattern="^[0-9]$"),
        "POST /api/documents/submit: request: pages: another pattern",
    ),
    "range": (
        lambda s: field(submit(s), "priority").update(maximum=9),
        "POST /api/documents/submit: request: priority: narrower maximum",
    ),
    "new bound": (
        lambda s: field(submit(s), "model").update(maxLength=20),
        "POST /api/documents/submit: request: model: narrower maxLength",
    ),
    "type": (
        lambda s: field(submit(s), "priority").update(type="string"),
        "POST /api/documents/submit: request: priority is of another type",
    ),
    "default": (
        lambda s: field(submit(s), "priority").update(default=1),
        "POST /api/documents/submit: request: priority: another default",
    ),
    "value of a request": (
        lambda s: field(submit(s), "tableFormat")["enum"].remove("html"),
        "POST /api/documents/submit: request: tableFormat: value html is gone",
    ),
    "field of an answer": (
        lambda s: status(s)["properties"].pop("pagesDone"),
        "GET /api/documents/status/{document_id}: 200: field pagesDone is gone",
    ),
    "null in an answer": (
        lambda s: field(status(s), "pagesDone").update(nullable=True),
        "GET /api/documents/status/{document_id}: 200: pagesDone may be null",
    ),
    "error code": (remove_code, "error code 422 empty_document is gone"),
    "setting": (
        lambda s: s["settings"].remove(next(o for o in s["settings"] if o[0] == "port")),
        "setting port is gone",
    ),
    "default of a setting": (
        lambda s: setting(s, "ambiguous_retries").update(default=3),
        "setting ambiguous_retries: another default",
    ),
    "event": (lambda s: s["log_events"].pop("job.failed"), "event job.failed is gone"),
    "field of an event": (
        lambda s: s["log_events"]["job.failed"][1].remove("code"),
        "event job.failed: field code is gone",
    ),
    "renamed metric": (rename_metric, "metric ilios_pickup_seconds is gone"),
    "gauge": (remove_metric, "metric ilios_queue_jobs is gone"),
    "label": (
        lambda s: metric(s, "ilios_http_requests")[2].remove("status"),
        "metric ilios_http_requests has other labels",
    ),
    "bucket": (
        lambda s: metric(s, "ilios_pickup_seconds")[3]["buckets"].remove(5),
        "metric ilios_pickup_seconds: bucket 5 is gone",
    ),
    "command": (lambda s: s["command_line"].pop("ilios doctor"), "command ilios doctor is gone"),
    "option of a command": (
        lambda s: s["command_line"].update({"ilios jobs list": ["Usage: ilios jobs list"]}),
        "ilios jobs list: option --status is gone",
    ),
}


@pytest.mark.parametrize("name", TAKEN_AWAY)
def test_what_is_taken_away_is_found(baseline: Json, name: str) -> None:
    take_away, sentence = TAKEN_AWAY[name]
    now = copy.deepcopy(baseline)

    take_away(now)

    assert sentence in compatibility.taken_away(baseline, now)


def test_another_name_of_an_operation_is_found(baseline: Json) -> None:
    before, now = copy.deepcopy(baseline), copy.deepcopy(baseline)
    listing(before)["operationId"] = "documentList"
    listing(now)["operationId"] = "listDocuments"

    assert list(compatibility.taken_away(baseline, before)) == []
    assert list(compatibility.taken_away(before, now)) == [
        "GET /api/documents: another operationId"
    ]


def test_a_value_with_a_name_is_the_same_value(baseline: Json) -> None:
    now = copy.deepcopy(baseline)
    schemas = now["openapi"]["components"]["schemas"]
    health = schemas["Health"]["properties"]
    reasons = [value for value in health["claimsBlocked"]["enum"] if value is not None]
    schemas["BlockReason"] = {"type": "string", "enum": reasons}
    reference = {"$ref": "#/components/schemas/BlockReason"}

    health["claimsBlocked"] = {"anyOf": [reference, {"nullable": True, "enum": [None]}]}
    assert list(compatibility.taken_away(baseline, now)) == []

    schemas["BlockReason"]["enum"].remove("paused")
    assert "GET /health: 200: claimsBlocked: value paused is gone" in compatibility.taken_away(
        baseline, now
    )


def test_what_is_added_is_no_loss(baseline: Json) -> None:
    now = copy.deepcopy(baseline)
    now["openapi"]["paths"]["/v2/convert"] = {"post": {"responses": {}}}
    submit(now)["properties"]["new"] = {"type": "string", "maxLength": 5}
    field(submit(now), "priority").update(maximum=20)
    del field(submit(now), "pages")["pattern"]
    field(status(now), "status")["enum"].append("new")
    now["log_events"]["job.failed"][1].append("new")
    now["settings"].append(["new", {"type": "integer"}])

    assert list(compatibility.taken_away(baseline, now)) == []


def test_a_listed_change_passes_and_a_row_without_its_change_does_not(baseline: Json) -> None:
    now = copy.deepcopy(baseline)
    now["openapi"]["paths"].pop("/v1/estimate")
    page = "| `path /v1/estimate is gone` | Ask the provider |\n"

    assert compatibility.differences(baseline, now, page) == ([], [])
    assert compatibility.differences(baseline, baseline, page) == (
        [],
        ["path /v1/estimate is gone"],
    )


def test_deprecated_routes_stand_in_the_page_with_time_to_leave() -> None:
    rows = [row[0].strip("`") for row in table(PAGE, "Deprecated")]

    assert rows == list(DEPRECATED)
    assert [o for o, found in DEPRECATED.items() if found.sunset - found.since < LEAST] == []
