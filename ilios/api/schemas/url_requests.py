"""The bodies of requests that name addresses in place of files: JSON, with the fields of the forms.

A field has the type here that the OpenAPI document gives it; a form has texts only.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final

from marshmallow import ValidationError, fields, validate

from ilios.api.schemas.extraction_fields import ExtractionFields, JsonSchemaField
from ilios.api.schemas.request_fields import StrictBoolean, WholeNumber
from ilios.api.schemas.requests import BatchForm, ConvertForm, FormSchema, SubmitForm
from ilios.documents.submission import MAX_BATCH_FILES
from ilios.outbound.addresses import ADDRESS_MAX_CHARACTERS

URL: Final = "url"
URLS: Final = "urls"
EXAMPLE_URL: Final = "https://example.com/report.pdf"
BODY_MAX_BYTES: Final = 2 * 1024 * 1024  #: of such a request
_DESCRIPTION: Final = (
    "Where the document is: http or https, without a user. A worker fetches it. Addresses that are "
    "not public are refused with 422 `url_not_allowed`, unless `URL_ALLOW` lists them."
)
_OF_URL: Final = {"example": EXAMPLE_URL, "maxLength": ADDRESS_MAX_CHARACTERS}
"""The guard looks at the length: a refusal of the field would quote the address."""


class JsonSchemaObject(JsonSchemaField):
    """A JSON Schema as the object that it is."""

    default_error_messages = {"invalid": "an object"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, *args: Any, **options: Any) -> Any:
        if not isinstance(value, dict):
            raise self.make_error("invalid")
        return super()._deserialize(json.dumps(value), attr, *args, **options)


def _schema_object(name: str) -> JsonSchemaField:
    """Return a field of the form as it is in JSON, with the same words."""
    of_form = ExtractionFields._declared_fields[name].metadata
    example = json.loads(of_form["example"])
    return JsonSchemaObject(
        load_default=None,
        metadata={
            "description": of_form["description"].replace(", as a field or a file", ""),
            "example": example,
            "type": "object",
        },
    )


class _InJson(FormSchema):
    """A form whose values have the types of JSON."""

    json_max_bytes: ClassVar[int] = BODY_MAX_BYTES
    json_example: ClassVar[str] = f'{{"url": "{EXAMPLE_URL}"}}'

    schema = _schema_object("schema")
    image_schema = _schema_object("image_schema")

    def load(self, data: Any, **options: Any) -> Any:
        """Read the values as those of a form. Raise ValidationError for one of another type."""
        by_key = {field.data_key: field for field in self.load_fields.values()}
        read = {}
        for key, value in data.items():
            field = by_key.get(key)
            if isinstance(field, StrictBoolean):
                read[key] = str(_typed(field, key, value, bool, data)).lower()
            elif isinstance(field, WholeNumber):
                read[key] = _typed(field, key, value, int, data)
            else:
                read[key] = value
        return super().load(read, **options)


class _OneUrl(_InJson):
    url = fields.String(
        required=True,
        error_messages={"invalid": "text", "null": "text"},
        metadata={"description": _DESCRIPTION, **_OF_URL},
    )


class ConvertUrlForm(_OneUrl, ConvertForm):
    class Meta:
        exclude = ("file",)


class SubmitUrlForm(_OneUrl, SubmitForm):
    class Meta:
        exclude = ("file",)


class BatchUrlForm(_InJson, BatchForm):
    json_example = f'{{"urls": ["{EXAMPLE_URL}"]}}'

    urls = fields.List(
        fields.String(
            error_messages={"invalid": "text", "null": "text"},
            metadata=_OF_URL,
        ),
        required=True,
        validate=validate.Length(1, MAX_BATCH_FILES, error=f"1 to {MAX_BATCH_FILES} texts"),
        error_messages={"invalid": "a list of texts", "null": "a list of texts"},
        metadata={"description": f"Where the documents are, 1 to 100. {_DESCRIPTION}"},
    )
    use_mistral_batch = StrictBoolean(
        load_default=False,
        metadata={"description": "For files that are sent: `true` is refused here."},
    )

    class Meta:
        exclude = ("files",)


def _typed(field: Any, key: str, value: Any, kind: type, data: Any) -> Any:
    if type(value) is not kind:  # a boolean is a number otherwise
        raise ValidationError({key: [field.error_messages["invalid"]]}, data=data)
    return value
