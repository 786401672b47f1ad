"""Names for schemas of the OpenAPI document, and nulls that every generator of clients understands.

A schema with a title becomes a component, to which all places refer: its title is its name. So does
an object of which nothing is known. Without a name generators call a type after where it stands.
"""

from __future__ import annotations

from typing import Any, Final

JSON_OBJECT: Final = "JsonObject"
NULL: Final = {"type": "string", "nullable": True, "enum": [None]}
"""Null alone, for which OpenAPI 3.0 has no type."""
APISPECS_NULL: Final = {"type": "object", "nullable": True}
"""The same beside a reference as apispec writes it: generators make a class of it."""
BESIDE_A_REFERENCE: Final[tuple[str, ...]] = ("description", "example", "default")
"""What is said of a value where it stands; all else is of its schema."""
VALUES: Final = ("example", "default", "enum")  #: no schemas, even if they look like some
_OF_ANY_OBJECT: Final = {"type", "additionalProperties", "nullable", *BESIDE_A_REFERENCE}


def give_names(spec: dict[str, Any]) -> None:
    """Make components of the schemas of a document that have names."""
    schemas = spec["components"]["schemas"]
    named: dict[str, Any] = {}
    for part in (spec["paths"], schemas):
        part.update({key: _with_references(value, named) for key, value in part.items()})
    if taken := named.keys() & schemas.keys():
        raise ValueError(f"more than one schema has the name {', '.join(sorted(taken))}")
    schemas |= named


def _with_references(part: Any, named: dict[str, Any]) -> Any:
    """Return a part of the document with references in place of schemas that have names."""
    if isinstance(part, list):
        return [NULL if one == APISPECS_NULL else _with_references(one, named) for one in part]
    if not isinstance(part, dict):
        return part
    schema = {
        key: value if key in VALUES else _with_references(value, named)
        for key, value in part.items()
    }
    if _is_any_object(schema):
        schema |= {"title": JSON_OBJECT, "additionalProperties": True}
    if "type" in schema and isinstance(schema.get("title"), str):
        return _reference(schema, named)
    if "type" not in schema and schema.get("nullable") is True:
        return _nullable_without_type(schema)
    return schema


def _is_any_object(schema: dict[str, Any]) -> bool:
    is_open = schema.get("additionalProperties", True) is True
    return schema.get("type") == "object" and is_open and schema.keys() <= _OF_ANY_OBJECT


def _reference(schema: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    """Return a reference to a schema that has a title, which becomes a component."""
    title, is_nullable = schema.pop("title"), schema.pop("nullable", False)
    beside = {key: schema.pop(key) for key in BESIDE_A_REFERENCE if key in schema}
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    if named.setdefault(title, schema) != schema:
        raise ValueError(f"more than one schema has the name {title}")
    reference = {"$ref": f"#/components/schemas/{title}"}
    if is_nullable:
        return {"anyOf": [reference, NULL], **beside}
    return {"allOf": [reference], **beside} if beside else reference


def _nullable_without_type(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that allows null without the word for it, which needs a type beside it."""
    kept = {key: value for key, value in schema.items() if key != "nullable"}
    if "oneOf" in kept:
        kept["oneOf"] = [*kept["oneOf"], NULL]
    return kept
