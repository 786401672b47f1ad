"""Schemas of clients: what is one, where another is wrong, and what does not fit."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from ilios.engines import json_schemas
from ilios.engines.json_schemas import SCHEMA_MAX_BYTES, SCHEMA_MAX_DEPTH, UnusableSchema

INVOICE = {
    "type": "object",
    "properties": {"total": {"$ref": "#/$defs/amount"}, "number": {"type": "string"}},
    "required": ["total"],
    "$defs": {"amount": {"type": "number", "minimum": 0}},
}
RANGES = "[a-z]" * 500
CHAIN = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/c"}, "c": {}}}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth - 1):
        schema = {"items": schema}
    return schema


def test_a_schema_is_written_without_blanks_and_keeps_its_order() -> None:
    written = json_schemas.checked("\ufeff" + json.dumps(INVOICE, indent=4))

    assert written == json.dumps(INVOICE, separators=(",", ":"))


@pytest.mark.parametrize(
    "schema",
    [
        {},
        nested(SCHEMA_MAX_DEPTH),
        {"$schema": "http://json-schema.org/draft-04/schema#", "type": "object"},
        {"$schema": "http://json-schema.org/draft-07/schema", "definitions": {"a": {}}},
        {"$schema": "https://json-schema.org/draft/2019-09/schema", "$ref": "#/$defs/a", **CHAIN},
        {"$ref": "#/$defs/a", **CHAIN},
        {"properties": {"next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}}},
        {"items": {"$ref": "#"}, "additionalProperties": {"not": {"$ref": "#"}}},
        {"$dynamicAnchor": "node", "prefixItems": [{"$dynamicRef": "#node"}]},
        {"properties": {"not": {"$ref": "#"}, "allOf": {"items": {"$ref": "#"}}}},
        {"properties": {"dependencies": {"items": {"$ref": "#"}}}},
        {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": True}},
        {"enum": [{"$ref": "#"}], "const": {"not": {"$ref": "#"}}},
        {"$defs": {"a": {"$anchor": "here"}}, "properties": {"x": {"$ref": "#here"}}},
        {"$id": "https://example.org/invoice", "properties": {"x": {"$ref": "#/properties"}}},
        {"properties": {"$ref": {"type": "string"}, "a": {"pattern": "^[A-Z]+$"}}},
        {"patternProperties": {RANGES: {"description": "-" * 1000}}},
        {"maximum": 1e308},
    ],
)
def test_these_can_be_used(schema: dict[str, Any]) -> None:
    assert json.loads(json_schemas.checked(json.dumps(schema))) == schema


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        ("", "", "no JSON"),
        ("{", "", "no JSON"),
        ("[]", "", "no object"),
        ("true", "", "no object"),
        ('{"const": NaN}', "", "no JSON (it has NaN)"),
        ('{"maximum": ' + "9" * 5000 + "}", "", "no JSON"),
        ('{"allOf": [{"maximum": -1e400}]}', "/allOf/0/maximum", "too large"),
        ('{"a":' * 10_000, "", "nested too deeply"),
        ('{"allOf": [' + "{}," * 5_000 + "{}]}", "", "more than 5,000 values"),
        ('{"title": "\\ud800"}', "", "surrogate"),
        ("{" + " " * SCHEMA_MAX_BYTES + "}", "", f"may have {SCHEMA_MAX_BYTES:,}"),
        (json.dumps(nested(SCHEMA_MAX_DEPTH + 1)), "/items" * SCHEMA_MAX_DEPTH, "deep"),
        ('{"type": "objekt"}', "/type", "objekt"),
        ('{"properties": {"a/b~": {"type": 5}}}', "/properties/a~1b~0/type", "5"),
        ('{"properties": {"a": {"pattern": "(["}}}', "/properties/a/pattern", "regex"),
        ('{"pattern": "' + "(" * 30_000 + '"}', "/pattern", "regex"),
        ('{"pattern": "a{99999999999999999999}"}', "/pattern", "regex"),
        (json.dumps({"not": {"pattern": RANGES + "-"}}), "", "500 ranges"),
        (json.dumps({"patternProperties": {RANGES + "-": {}}}), "", "500 ranges"),
        ('{"$ref": "http://127.0.0.1/a"}', "/$ref", "itself alone"),
        ('{"items": [{"$ref": "other.json#/a"}]}', "/items/0/$ref", "itself alone"),
        ('{"$dynamicRef": "http://127.0.0.1/#a"}', "/$dynamicRef", "itself alone"),
        ('{"$ref": "#"}', "/$ref", "in a circle"),
        (
            '{"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveRef": "#"}',
            "/$recursiveRef",
            "in a circle",
        ),
        ('{"$dynamicAnchor": "n", "$dynamicRef": "#n"}', "/$dynamicRef", "in a circle"),
        ('{"items": {"$ref": "#"}, "$ref": "#/items"}', "/$ref", "in a circle"),
        ('{"anyOf": [{"type": "null"}, {"$ref": "#"}]}', "/anyOf/1/$ref", "in a circle"),
        ('{"if": {}, "then": {"not": {"$ref": "#"}}}', "/then/not/$ref", "in a circle"),
        ('{"dependentSchemas": {"a": {"$ref": "#"}}}', "/dependentSchemas/a/$ref", "in a circle"),
        (
            '{"$schema": "http://json-schema.org/draft-07/schema#", '
            '"dependencies": {"a": {"$ref": "#"}}}',
            "/dependencies/a/$ref",
            "in a circle",
        ),
        ('{"$defs": {"a": {"$ref": "#/$defs/a"}}}', "/$defs/a/$ref", "in a circle"),
        (
            '{"$anchor": "me", "items": {"$defs": {"a": {"oneOf": [{"$ref": "#here"}]}, '
            '"b": {"$anchor": "here", "$ref": "#/items/$defs/a"}}}}',
            "/items/$defs/b/$ref",
            "in a circle",
        ),
        ('{"not": {"$ref": "#/$defs/a"}}', "/not/$ref", "not there"),
        ('{"allOf": [{}], "not": {"$ref": "#/allOf/x"}}', "/not/$ref", "not there"),
        ('{"not": {"$ref": "#nowhere"}}', "/not/$ref", "not there"),
        ('{"$schema": "http://example.org/schema"}', "/$schema", "draft"),
        ('{"$schema": "http://["}', "/$schema", "draft"),
        ('{"$schema": [5]}', "/$schema", "draft"),
        ('{"$id": 5}', "/$id", "5"),
    ],
)
def test_those_cannot_be_used(text: str, path: str, why: str) -> None:
    with pytest.raises(UnusableSchema) as refused:
        json_schemas.checked(text)

    assert refused.value.path == path[: json_schemas.PATH_MAX_CHARACTERS]
    assert why in refused.value.why
    assert len(refused.value.why) <= json_schemas.REASON_MAX_CHARACTERS


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"total": 5}, None),
        ({"total": 5, "number": "A-1", "more": []}, None),
        ({"total": -1}, "/total"),
        ({"total": 1, "number": 7}, "/number"),
        ({}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_the_first_place_that_does_not_fit_is_told(value: Any, path: str | None) -> None:
    assert json_schemas.misfit(INVOICE, value) == path


def test_nothing_is_ever_fetched() -> None:
    """Not even for a schema that was stored before such references were refused."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        for reference in (f"http://127.0.0.1:{port}/a", f"//127.0.0.1:{port}/a"):
            with pytest.raises(Exception, match="Unresolvable"):
                json_schemas.misfit({"$ref": reference}, {})
            with pytest.raises(UnusableSchema):
                json_schemas.checked(json.dumps({"$id": f"http://127.0.0.1:{port}", "$ref": "b"}))
        with pytest.raises(BlockingIOError):
            listener.accept()
