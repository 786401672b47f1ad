"""The body of the answer about what a service can do."""

from __future__ import annotations

from marshmallow import fields

from ilios.accounts.keys import Scope
from ilios.api.schemas.requests import CamelSchema
from ilios.api.schemas.response_fields import flag, number, text
from ilios.api.schemas.shown import FORMATS


class FeaturesSchema(CamelSchema):
    engine = text(
        "What converts documents; some types that Mistral does not read are converted by the "
        "embedded one.",
        enum=["embedded", "mistral"],
        title="Engine",
        example="mistral",
    )
    model = text("What is taken where a request names none.", example="mistral-ocr-latest")
    schema = flag("Whether `schema`, `imageSchema` and `instructions` are honoured.")
    provider_batches = flag("Whether `useMistralBatch` is honoured.")
    formats = fields.List(
        text(enum=list(FORMATS), title="ResultFormat"),
        required=True,
        metadata={"description": "Forms of a result.", "example": list(FORMATS)},
    )
    accepts = fields.List(
        fields.String(),
        required=True,
        metadata={
            "description": "Extensions of files that are read. The bytes decide.",
            "example": [".pdf", ".docx"],
        },
    )
    max_file_bytes = number("Of one file.", example=104857600)
    max_batch_files = number("Of one batch.", example=100)
    scopes = fields.List(
        text(enum=list(Scope), title="Scope"),
        required=True,
        metadata={"description": "Of the key.", "example": ["convert", "read"]},
    )
