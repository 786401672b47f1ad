"""Annotations by a schema: made up, but of the shape that the schema describes.

Guess: what the provider writes where a document says nothing of a field.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic_core import to_json

from tests.mistral_server.wire import ResponseFormat

Fit = Literal["fitting", "unfitting", "broken"]

EMPTY: dict[str, Any] = {
    "string": "",
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "array": [],
    "null": None,
}
DEPTH_MAX = 32  #: of a schema that refers to itself


def annotation(asked: ResponseFormat | None, kind: Fit) -> str | None:
    """Return an annotation as the answer has it, a JSON string; None when none was asked for."""
    if asked is None:
        return None
    if kind == "broken":
        return '{"half": '
    if kind == "unfitting":
        return to_json(["not", "what", "was", "asked", "for"]).decode()
    schema = asked.json_schema.schema_definition
    return to_json(_value(schema, schema)).decode()


def _value(schema: Any, root: dict[str, Any], depth: int = 0) -> Any:
    """Return the plainest value that fits a schema, as far as its types say."""
    if not isinstance(schema, dict) or depth > DEPTH_MAX:
        return None
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if isinstance(schema.get("$ref"), str):
        return _value(_referred(schema["$ref"], root), root, depth + 1)
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return _value(schema[choice][0], root, depth + 1)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind != "object":
        return EMPTY.get(kind)
    properties = schema.get("properties", {})
    return {name: _value(inner, root, depth + 1) for name, inner in properties.items()}


def _referred(pointer: str, root: dict[str, Any]) -> Any:
    found: Any = root
    for key in pointer.removeprefix("#").strip("/").split("/"):
        found = found.get(key) if isinstance(found, dict) and key else found
    return found
