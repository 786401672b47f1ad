"""Errors as clients of Mistral read them: a problem document with a `message`.

Of another type than `application/json`: of a 422 of that, the provider's SDK expects a list of
faults. Its type is why it shows the whole of any other.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Response

from ilios.api.responses.error_shapes import Problem
from ilios.api.responses.errors import PROBLEM_JSON, problem_document

SCHEMA: dict[str, Any] = {
    "title": "MistralError",
    "type": "object",
    "required": ["object", "type", "title", "status", "detail", "message", "code", "requestId"],
    "properties": {
        "object": {"type": "string", "enum": ["error"]},
        "type": {"type": "string"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "message": {"type": "string"},
        "code": {"type": "string"},
        "status": {"type": "integer"},
        "requestId": {"type": "string"},
    },
}


def shaped(problem: Problem) -> Response:
    """Answer with a problem."""
    document = problem_document(
        problem.status,
        problem.code,
        problem.title,
        problem.detail,
        path=problem.path,
        request_id=problem.request_id,
    )
    fields = {"object": "error", "message": problem.sentence, **document, **problem.extra}
    return Response(json.dumps(fields), problem.status, mimetype=PROBLEM_JSON)
