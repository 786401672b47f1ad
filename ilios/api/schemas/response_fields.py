"""Fields of answers, with what the OpenAPI document shows of them.

A field is in every answer unless it is `optional`; what may be null is there as null. A `title`
makes a component of a field's values: a name of their own in clients that are generated.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields

from ilios.core import clock
from ilios.core.ids import ID_PATTERN
from ilios.core.prices import MICROS_PER_DOLLAR

EXAMPLE_ID = "k3v9x0q2m7c1a8z5t4b6n2pd"
IDENTIFIER_PATTERN = f"^{ID_PATTERN.pattern}$"
EXAMPLE_MOMENT = "2026-11-23T15:00:00.000Z"
DOCUMENT_STATE = "DocumentState"  #: the title of the statuses of documents


def text(
    description: str = "",
    *,
    null: bool = False,
    optional: bool = False,
    data_key: str | None = None,
    attribute: str | None = None,
    **metadata: Any,
) -> fields.String:
    shown = {"description": description} if description else {}
    return fields.String(
        required=not optional,
        allow_none=null,
        data_key=data_key,
        attribute=attribute,
        metadata={**shown, **metadata},
    )


def number(
    description: str = "",
    *,
    null: bool = False,
    optional: bool = False,
    attribute: str | None = None,
    **metadata: Any,
) -> fields.Integer:
    shown = {"description": description} if description else {}
    return fields.Integer(
        required=not optional,
        allow_none=null,
        attribute=attribute,
        metadata={**shown, **metadata},
    )


def real(description: str, *, null: bool = False, **metadata: Any) -> fields.Float:
    return fields.Float(
        required=True, allow_none=null, metadata={"description": description, **metadata}
    )


def flag(description: str, *, example: bool = False, data_key: str | None = None) -> fields.Boolean:
    metadata = {"description": description, "example": example}
    return fields.Boolean(required=True, data_key=data_key, metadata=metadata)


def part(
    schema: type[Schema], description: str = "", *, null: bool = False, optional: bool = False
) -> fields.Nested:
    metadata = {"description": description} if description else {}
    return fields.Nested(schema, required=not optional, allow_none=null, metadata=metadata)


def parts(
    schema: type[Schema], description: str = "", *, null: bool = False, optional: bool = False
) -> fields.List[Any]:
    metadata = {"description": description} if description else {}
    return fields.List(
        fields.Nested(schema), required=not optional, allow_none=null, metadata=metadata
    )


def identifier(description: str, **options: Any) -> fields.String:
    return text(description, **options, pattern=IDENTIFIER_PATTERN, example=EXAMPLE_ID)


def moment(description: str = "", **options: Any) -> fields.String:
    return text(description, **options, format="date-time", example=EXAMPLE_MOMENT)


def url(description: str, **options: Any) -> fields.String:
    return text(description, **options, format="uri")


class Instant(fields.Field[datetime]):
    """A datetime, written in UTC and with milliseconds."""

    def _serialize(self, value: datetime | None, *_: Any, **_options: Any) -> str | None:
        return None if value is None else clock.iso(value)


class Usd(fields.Field[int]):
    """Micro-dollars, written as an exact decimal of dollars."""

    def _serialize(self, value: int | None, *_: Any, **_options: Any) -> str | None:
        return None if value is None else f"{Decimal(value) / MICROS_PER_DOLLAR:.6f}"


def instant(
    description: str = "",
    *,
    null: bool = False,
    optional: bool = False,
    attribute: str | None = None,
) -> Instant:
    shown = {"description": description} if description else {}
    example = {"type": "string", "format": "date-time", "example": EXAMPLE_MOMENT}
    return Instant(
        dump_only=True,
        required=not optional,
        allow_none=null,
        attribute=attribute,
        metadata={**shown, **example},
    )


def usd(data_key: str, micros: str, description: str = "Exact, as a decimal.") -> Usd:
    """Make a field of dollars from the attribute `micros`, which holds micro-dollars."""
    metadata = {"type": "string", "description": description, "example": "0.046800"}
    return Usd(
        dump_only=True, required=True, data_key=data_key, attribute=micros, metadata=metadata
    )
