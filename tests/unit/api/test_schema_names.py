"""Schemas with titles become components, and nulls are such as generators of clients understand."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ilios.api.schema_names import APISPECS_NULL, NULL, give_names

LAMP = {"$ref": "#/components/schemas/Lamp"}
OBJECT = {"$ref": "#/components/schemas/JsonObject"}


def named(*fields: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return fields of a schema as they are then, and the components beside it."""
    properties = {str(number): field for number, field in enumerate(copy.deepcopy(fields))}
    schemas = {"Room": {"type": "object", "properties": properties}}
    give_names({"paths": {}, "components": {"schemas": schemas}})
    room = schemas.pop("Room")
    return list(room["properties"].values()), schemas  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("field", "becomes"),
    [
        ({"title": "Lamp", "type": "string"}, LAMP),
        ({"title": "Lamp", "type": "string", "nullable": True}, {"anyOf": [LAMP, NULL]}),
        (
            {"title": "Lamp", "type": "string", "description": "Lit.", "default": "on"},
            {"allOf": [LAMP], "description": "Lit.", "default": "on"},
        ),
        (
            {"type": "array", "items": {"title": "Lamp", "type": "string"}},
            {"type": "array", "items": LAMP},
        ),
    ],
)
def test_a_schema_with_a_title_is_referred_to(
    field: dict[str, Any], becomes: dict[str, Any]
) -> None:
    assert named(field) == ([becomes], {"Lamp": {"type": "string"}})


def test_null_is_no_value_of_a_component() -> None:
    field = {"title": "Lamp", "type": "string", "enum": ["on", None], "nullable": True}

    assert named(field)[1] == {"Lamp": {"type": "string", "enum": ["on"]}}


@pytest.mark.parametrize("open_object", [{}, {"additionalProperties": True}])
def test_all_objects_of_which_nothing_is_known_are_one(open_object: dict[str, Any]) -> None:
    field = {"type": "object", **open_object}

    assert named(field, {**field, "nullable": True}) == (
        [OBJECT, {"anyOf": [OBJECT, NULL]}],
        {"JsonObject": {"type": "object", "additionalProperties": True}},
    )


@pytest.mark.parametrize(
    ("field", "becomes"),
    [
        ({"nullable": True, "description": "Any."}, {"description": "Any."}),
        ({"nullable": True, "oneOf": [LAMP]}, {"oneOf": [LAMP, NULL]}),
        ({"anyOf": [LAMP, APISPECS_NULL]}, {"anyOf": [LAMP, NULL]}),
        ({"type": "string", "nullable": True}, {"type": "string", "nullable": True}),
        ({"type": "object", "properties": {"title": {"type": "string"}}},) * 2,
        ({"type": "string", "example": {"type": "object"}},) * 2,
    ],
)
def test_null_stands_beside_a_type_or_by_itself(
    field: dict[str, Any], becomes: dict[str, Any]
) -> None:
    assert named(field) == ([becomes], {})


def test_two_schemas_have_no_name_in_common() -> None:
    with pytest.raises(ValueError, match="Lamp"):
        named({"title": "Lamp", "type": "string"}, {"title": "Lamp", "type": "integer"})
    with pytest.raises(ValueError, match="Room"):
        named({"title": "Room", "type": "string"})
