"""What every answer to a fuzzed request must be, besides what Schemathesis checks by itself.

Loaded by `st run`, in its process.
"""

from __future__ import annotations

import os
import re
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, DeserializationContext, HookContext, Response
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ilios.api.dialects.registry import BLUEPRINTS
from ilios.api.requests.options import TAKEN_BY_EMBEDDED
from ilios.api.schemas.query_params import MAX_WAIT_SECONDS

FOREIGN_MARK = os.environ["FUZZ_FOREIGN_MARK"]  #: in every name and text of the other tenant
FOREIGN_IDS = frozenset(os.environ["FUZZ_FOREIGN_IDS"].split())
LINK_MIN_LETTERS = 40
NOT_HONOURED = frozenset({
    "imageLimit", "imageMinSize", "imageSchema", "instructions", "schema", "tableFormat",
    "webhookUrl",
})  # fmt: skip
HONOURED: dict[str, list[object]] = {
    "confidence": ["page", "block"],
    "extractFooter": [False],
    "extractHeader": [False],
    "includeImages": [True],
    "model": list(TAKEN_BY_EMBEDDED),
    "useMistralBatch": [False],
}
NOWHERE = ["http://192.0.2.1/a.pdf", "https://localhost/", "ftp://192.0.2.1/"]
"""Addresses of documents that the guard refuses: nobody is asked."""
PROBLEM = ("type", "title", "status", "detail", "instance", "code", "requestId")
UNFORESEEABLE = frozenset({
    "batch_refused",  # for what one of the files is
    "document_deleted", "delivery_under_way",  # what is there, and in which state
    "password_in_use", "password_required",
    "idempotency_in_flight", "idempotency_key_reused",  # what was sent before
    "webhook_secret_missing", "webhook_url_missing",  # what the key and the settings have
    "invalid_cursor",  # one that was not given out
    "invalid_endDate", "invalid_pages", "invalid_startDate",  # no such day; ranges must rise
    "link_invalid", "malformed_request",  # a PUT of another length than its link was given out for
    "pages_out_of_range",  # depends on the document
    "archive_needs_batch", "archive_refused", "corrupt_document",  # the bytes decide
    "document_too_large", "empty_document", "empty_file", "encrypted_document",
    "file_too_large", "unsupported_type", "url_not_allowed", "wrong_password",
})  # fmt: skip
"""Codes of refusals that no schema can tell in advance."""
OF_ANOTHER_FORM = ", and this is format="  #: a refusal for what two fields say together
DIALECTS = tuple(
    path for blueprints in BLUEPRINTS.values() for one in blueprints for path in one.paths
)
"""Paths at which errors have other shapes."""
_CODE = re.compile(r"\b(?:unauthorized|[a-z]+_[A-Za-z0-9_]+)\b")
_WORD = re.compile(r"[a-z0-9]+")


@schemathesis.deserializer("text/event-stream")
def events_as_text(_context: DeserializationContext, response: Response) -> str:
    """Return a stream as it came, which is how OpenAPI 3.0 describes it."""
    return response.content.decode()


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """Shorten a valid `wait` to a second at most: some documents never end."""
    wait = (case.query or {}).get("wait")
    if type(wait) is int and 0 < wait <= MAX_WAIT_SECONDS:
        case.query["wait"] = wait // MAX_WAIT_SECONDS


@schemathesis.hook
def before_load_schema(_context: HookContext, document: dict[str, Any]) -> None:
    """Offer forms as the embedded engine honours them; the rest is `option_unavailable`."""
    for name, schema in document["components"]["schemas"].items():
        if not name.endswith("Form"):
            continue
        fields = schema["properties"]
        for absent in fields.keys() & NOT_HONOURED:
            del fields[absent]
        for field in fields.keys() & HONOURED.keys():
            fields[field]["enum"] = HONOURED[field]
        if "url" in fields:
            fields["url"]["enum"] = NOWHERE
        if "urls" in fields:
            fields["urls"]["items"]["enum"] = NOWHERE


@schemathesis.check
def accepted_or_unforeseeable(context: CheckContext, response: Response, case: Case[Any]) -> None:
    """Check that what the document allows is accepted, unless it cannot know better."""
    if response.status_code >= 400:
        if _is_dialect(case.path):
            return  # the bytes decide, and its shape need not have the code in a field of its own
        problem = _problem(response)
        if problem.get("code") in UNFORESEEABLE or OF_ANOTHER_FORM in problem.get("detail", ""):
            return
    positive_data_acceptance(context, response, case)


@schemathesis.check
def whole_problem(_context: CheckContext, response: Response, case: Case[Any]) -> None:
    """Check that a refusal is a problem document with a code, a sentence and the request's id."""
    if response.status_code < 400 or case.method == "HEAD" or case.path in ("/health", "/readyz"):
        return
    if _is_dialect(case.path):
        assert _CODE.search(response.text), "there is no code in it"
        return
    assert response.headers["content-type"] == ["application/problem+json"]
    problem = _problem(response)
    assert all(problem.get(name) for name in PROBLEM), problem
    assert problem["status"] == response.status_code
    assert problem["type"] == f"urn:ilios:error:{problem['code']}"
    assert problem["detail"].strip().endswith((".", "…")), problem["detail"]
    assert [problem["requestId"]] == response.headers["x-request-id"]


@schemathesis.check
def careful_headers(_context: CheckContext, response: Response, _case: Case[Any]) -> None:
    """Check that no answer is sniffed, framed or run, or tells where its reader came from."""
    assert response.headers["x-content-type-options"] == ["nosniff"]
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"][0]
    assert response.headers["referrer-policy"] == ["no-referrer"]
    assert "cache-control" in response.headers


@schemathesis.check
def no_secret(_context: CheckContext, response: Response, _case: Case[Any]) -> None:
    """Check that no answer repeats the key, and no problem the presigned link asked for."""
    assert os.environ["FUZZ_KEY"].encode() not in response.content
    token = (response.request.url or "").partition("/objects/")[2]
    if response.status_code >= 400 and len(token) >= LINK_MIN_LETTERS:
        assert token.encode() not in response.content


@schemathesis.check
def nothing_of_others(_context: CheckContext, response: Response, case: Case[Any]) -> None:
    """Check that no word of another tenant's comes back, and that his ids are nobody's."""
    answered = f"{response.headers} {response.content.decode(errors='replace')}"
    assert FOREIGN_MARK not in answered, "an answer has a name or a text of another tenant"
    asked = response.request.url or ""
    told = {word for word in _WORD.findall(answered) if word in FOREIGN_IDS and word not in asked}
    assert not told, f"an answer has another tenant's ids: {told}"
    if FOREIGN_IDS.intersection(_WORD.findall(case.formatted_path)):
        assert response.status_code >= 400, "another tenant's document was found"
        assert response.status_code in (400, 401, 404, 405, 422), response.status_code


def _is_dialect(path: str) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in DIALECTS)


def _problem(response: Response) -> dict[str, Any]:
    if "json" not in response.headers.get("content-type", [""])[0]:
        return {}
    found: dict[str, Any] = response.json()
    return found
