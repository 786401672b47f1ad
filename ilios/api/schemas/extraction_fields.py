"""The fields of a form that ask for more than text: values by a JSON Schema."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields, validate

from ilios.core import request_errors
from ilios.engines import json_schemas
from ilios.engines.json_schemas import UnusableSchema

INSTRUCTIONS_MAX_CHARACTERS: Final = 8192


class JsonSchemaField(fields.String):
    """A JSON Schema, as text or as a file; read as it is sent."""

    def _deserialize(self, value: Any, attr: str | None, *args: Any, **options: Any) -> Any:
        try:
            return json_schemas.checked(super()._deserialize(value, attr, *args, **options))
        except UnusableSchema as error:
            raise request_errors.InvalidSchema(attr or "schema", error.why, error.path) from error


class ExtractionFields(Schema):
    schema = JsonSchemaField(
        load_default=None,
        metadata={
            "description": "A JSON Schema, as a field or a file of at most 64 KiB and 32 levels: "
            "the document is read in one call, and what it holds of the schema stands in "
            "`extraction` of the result. At the annotated price. Mistral only.",
            "example": '{"type": "object", "properties": {"total": {"type": "number"}}}',
        },
    )
    image_schema = JsonSchemaField(
        load_default=None,
        metadata={
            "description": "A JSON Schema for each image, such as a caption, or a chart as a "
            "table: `annotation` of the images of a result. It keeps the images, at the annotated "
            "price. Mistral only.",
            "example": '{"type": "object", "properties": {"caption": {"type": "string"}}}',
        },
    )
    instructions = fields.String(
        load_default=None,
        validate=[
            validate.Length(
                1,
                INSTRUCTIONS_MAX_CHARACTERS,
                error=f"1 to {INSTRUCTIONS_MAX_CHARACTERS:,} characters",
            ),
            validate.ContainsNoneOf("\0", error="characters other than NUL"),
        ],
        metadata={
            "description": "How `schema` is to be filled in, in words. Mistral only.",
            "example": "Amounts in euros.",
        },
    )
