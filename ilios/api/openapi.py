"""The OpenAPI document: flask-smorest's, completed with our errors, scopes, statuses and names.

Clients are generated from it (tests/generated_clients): operations and schemas have the names that
these are to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from flask import Flask
from flask_smorest import Api
from werkzeug.routing import Rule

import ilios
from ilios.accounts.keys import Scope
from ilios.api import schema_names
from ilios.api.middleware.deprecations import DEPRECATED
from ilios.api.middleware.routing import IdConverter, PageConverter
from ilios.api.responses.errors import PROBLEM_JSON, status_of_class
from ilios.api.schemas.requests import camel_case
from ilios.api.schemas.response_fields import EXAMPLE_ID, IDENTIFIER_PATTERN
from ilios.api.schemas.responses import ProblemSchema
from ilios.core import errors
from ilios.documents.idempotency import KEY_MAX_CHARACTERS

VERSION: Final = "3.0.3"
DESCRIPTION: Final = """\
Turns documents into Markdown: at once (`/v1/convert`), queued (`/api/documents`), or many together
(`/v1/batch`).

Every error is a problem document (RFC 9457) with a stable `code`; the list is below. Fields and
options that cannot be honoured are refused with 422 `option_unavailable`, never ignored; a form
field or a query parameter that nobody knows is refused with 400 `unknown_field`, and a body of the
wrong content type with 400 `malformed_request`. Every answer carries `X-Request-ID`: the request's
own, if it matches `[A-Za-z0-9._-]{1,100}`.

Pages are what is charged. Token counts are estimates (characters / 4), kept for clients of the
predecessor. The same bytes with the same options, sent again by the same key, are answered from the
earlier conversion at no cost: `cached` and `X-Cache` say so, `cache=false` converts anew.

Calls under the names of other services are their dialects: errors have the shapes that the clients
of those parse, and options without effect are named in the answer, not refused.

A key has scopes: each call says which one it needs. A key with a rate gets `RateLimit-Policy` and
`RateLimit` with every answer; 429 says in `Retry-After` when to come again, and 402 when the month
ends.
"""
GENERIC_CODES: Final = ("bad_request", "internal_error", "invalid_field")
_PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")
METHODS: Final = ("get", "post", "put", "delete")
HEAD_REFUSALS: Final = tuple(map(HTTPStatus, (400, 408, 414, 431)))
"""Any operation may answer with these, if the head of its request is refused."""
REPEAT_REFUSALS: Final = tuple(map(HTTPStatus, (409, 410, 422)))
"""An operation that creates may answer with these to a key that was sent before."""
IDEMPOTENCY_KEY: Final = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX_CHARACTERS},
    "description": "The same request with the same key, sent again within 24 hours, creates "
    "nothing new: it is answered as the first.",
}


class IliosApi(Api):  # type: ignore[misc]  # flask-smorest is untyped
    """flask-smorest without its error handlers, which are ours, and without its pages."""

    ERROR_SCHEMA = ProblemSchema
    DEFAULT_ERROR_RESPONSE_NAME = None  # statuses are named one by one

    def _register_error_handlers(self) -> None:
        """Register none: ilios.api.responses.errors answers."""

    def _register_pagination_header(self) -> None:
        """Register none: lists have cursors."""


def init(app: Flask) -> IliosApi:
    """Prepare the document, and return the object through which blueprints are registered."""
    app.config.update(
        API_TITLE="Ilios",
        API_VERSION=ilios.__version__,
        OPENAPI_VERSION=VERSION,
        API_SPEC_OPTIONS={
            "info": {
                "description": DESCRIPTION + _collapsible("Error codes", _error_table()),
                "license": {"name": "Apache-2.0"},
            },
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
            "security": [{"bearer": []}],
            "servers": [{"url": "/"}],
        },
    )
    api = IliosApi(app)
    api.register_converter(IdConverter, _id_parameter)
    api.register_converter(PageConverter, _page_parameter)
    return api


def document(app: Flask, api: IliosApi) -> dict[str, Any]:
    """Return the document, once all blueprints are registered."""
    refused = {
        str(one): api.spec.components.get_ref("response", one.name)
        for one in (*HEAD_REFUSALS, *REPEAT_REFUSALS)
    }
    spec: dict[str, Any] = api.spec.to_dict()
    for response in spec["components"]["responses"].values():
        content = response.get("content", {})
        if "application/json" in content:
            content[PROBLEM_JSON] = content.pop("application/json")
    _remove_null_defaults(spec)
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        for method, operation in _operations(spec, rule):
            operation["operationId"] = _operation_id(rule, view)
            operation["responses"] |= _refusals(view, refused, HEAD_REFUSALS)
            if hasattr(view, "creates"):
                _add_idempotency(operation, _refusals(view, refused, REPEAT_REFUSALS))
            _add_security(operation, view)
            if f"{method} {rule.rule}" in DEPRECATED:
                operation["deprecated"] = True
    schema_names.give_names(spec)
    return spec


def _refusals(
    view: Any, refused: dict[str, Any], statuses: tuple[HTTPStatus, ...]
) -> dict[str, Any]:
    """Return the answers with these statuses, in a dialect in the shape of that."""
    content = getattr(view, "error_content", None)
    if content is None:
        return {str(one): refused[str(one)] for one in statuses}
    return {str(one): {"description": one.phrase, "content": content} for one in statuses}


def _add_idempotency(operation: dict[str, Any], refusals: dict[str, Any]) -> None:
    """Document the header of requests that create, and what is answered to repeats."""
    operation["parameters"] = [*operation.get("parameters", ()), IDEMPOTENCY_KEY]
    operation["responses"] = refusals | operation["responses"]


def _operation_id(rule: Rule, view: Any) -> str:
    """Return the name of a view as that of its operation, after the name of its dialect."""
    name = rule.endpoint.rpartition(".")[2]
    dialect = getattr(view, "dialect", None)
    return camel_case(f"{dialect}_{name}" if dialect else name)


def _remove_null_defaults(part: Any) -> None:
    """Remove defaults of null, which no client could send."""
    if isinstance(part, dict):
        if part.get("default", ...) is None:
            del part["default"]
        part = part.values()
    elif not isinstance(part, list):
        return
    for inner in part:
        _remove_null_defaults(inner)


def _add_security(operation: dict[str, Any], view: Any) -> None:
    """Document the scope that an operation needs, or that it is public."""
    if hasattr(view, "is_public"):
        operation["security"] = []
    scope: Scope | None = getattr(view, "scope", None)
    if scope is None:
        return
    described = operation.get("description", "")
    operation["description"] = f"{described}\n\nNeeds a key with the scope `{scope}`.".strip()
    operation["x-scope"] = scope.value


def _collapsible(title: str, lines: Iterator[str]) -> str:
    text = "\n".join(lines)
    return f"\n<details><summary>{title}</summary>\n\n{text}\n\n</details>\n"


def _operations(spec: dict[str, Any], rule: Rule) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the operations of a rule, which may share its path with other rules."""
    found = spec["paths"].get(_PARAMETER.sub(r"{\1}", rule.rule), {})
    for name in METHODS:
        if name in found and name.upper() in (rule.methods or ()):
            yield name.upper(), found[name]


def _id_parameter(_converter: IdConverter) -> dict[str, Any]:
    return {"type": "string", "pattern": IDENTIFIER_PATTERN, "example": EXAMPLE_ID}


def _page_parameter(_converter: PageConverter) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "example": 1}


def _error_table() -> Iterator[str]:
    yield "| status | code | meaning |\n|---|---|---|"
    yield "| 400 | `invalid_<field>` | A field is malformed; the detail says what is allowed. |"
    for error in sorted(
        _visible_errors(errors.IliosError), key=lambda cls: (status_of_class(cls), cls.code)
    ):
        meaning = (error.__doc__ or error.title).splitlines()[0].rstrip(".")
        yield f"| {status_of_class(error)} | `{error.code}` | {meaning}. |"


def _visible_errors(base: type[errors.IliosError]) -> Iterator[type[errors.IliosError]]:
    """Find the error classes below `base` that clients may see."""
    for cls in base.__subclasses__():
        if status_of_class(cls) != 500 and cls.code not in GENERIC_CODES:
            yield cls
        yield from _visible_errors(cls)
