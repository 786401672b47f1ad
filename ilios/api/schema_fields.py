"""The kinds of fields that answers are made of, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from ilios.ids import ID_PATTERN

EXAMPLE_ID = "k3v9x0q2m7c1a8z5t4b6n2pd"
IDENTIFIER_PATTERN = f"^{ID_PATTERN.pattern}$"
EXAMPLE_MOMENT = "2026-11-23T15:00:00.000Z"


def text(
    description: str = "", *, null: bool = False, data_key: str | None = None, **metadata: Any
) -> fields.String:
    shown = {"description": description} if description else {}
    return fields.String(allow_none=null, data_key=data_key, metadata={**shown, **metadata})


def number(description: str = "", *, null: bool = False, **metadata: Any) -> fields.Integer:
    shown = {"description": description} if description else {}
    return fields.Integer(allow_none=null, metadata={**shown, **metadata})


def flag(description: str, *, example: bool = False) -> fields.Boolean:
    return fields.Boolean(metadata={"description": description, "example": example})


def identifier(description: str, *, null: bool = False) -> fields.String:
    return text(description, null=null, pattern=IDENTIFIER_PATTERN, example=EXAMPLE_ID)


def moment(description: str = "", *, null: bool = False) -> fields.String:
    return text(description, null=null, format="date-time", example=EXAMPLE_MOMENT)


def url(description: str, *, null: bool = False) -> fields.String:
    return text(description, null=null, format="uri")
