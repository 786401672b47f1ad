"""JSON objects that clients send, with a sentence for each way in which one can be none."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from ilios.core.request_errors import MalformedRequest


def parsed(body: bytes, example: str) -> dict[str, Any]:
    """Return the object that a body is. Raise MalformedRequest, which shows an example of one."""
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise MalformedRequest(
            "The JSON of the body is nested too deeply: send an object of plain values."
        ) from error
    except ValueError as error:
        raise MalformedRequest(
            f"The body is not JSON. Send an object, such as {example}."
        ) from error
    if not isinstance(value, dict):
        raise MalformedRequest("The body is not a JSON object.")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
