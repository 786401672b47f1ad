"""What requests hold: the fields that clients send, with their limits."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from ilios import errors, media
from ilios.api.fields import FileField, Moment, Pages, Truth, Unavailable, WholeNumber, Word
from ilios.intake import (
    DEFAULT_RETENTION_DAYS,
    MAX_BATCH_FILES,
    MAX_RETENTION_DAYS,
    Order,
)
from ilios.queue import DEFAULT_PRIORITY, MAX_PRIORITY, MIN_PRIORITY

FORMATS: Final = ("markdown", "json", "text")
FORMATS_TO_COME: Final = ("html", "zip")
DEFAULT_MODELS: Final = ("mistral-small-latest", "mistral-ocr-latest", "embedded", "default")
MAX_WAIT_SECONDS: Final = 60
FILE_NAME_MAX_LENGTH: Final = 1024


class CamelSchema(Schema):
    """Python names inside, camelCase in JSON."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        if field_obj.data_key is not None:
            return
        first, *rest = field_name.split("_")
        field_obj.data_key = first + "".join(word.title() for word in rest)


def _retention() -> WholeNumber:
    return WholeNumber(
        1,
        MAX_RETENTION_DAYS,
        load_default=DEFAULT_RETENTION_DAYS,
        metadata={"description": "Days until the document is removed.", "example": 365},
    )


def _priority() -> WholeNumber:
    return WholeNumber(
        MIN_PRIORITY,
        MAX_PRIORITY,
        load_default=DEFAULT_PRIORITY,
        metadata={"description": "10 is the most urgent.", "example": DEFAULT_PRIORITY},
    )


def _model(value: str) -> None:
    if value not in DEFAULT_MODELS:
        raise errors.OptionUnavailable(
            f"model={value:.80} is not available; leave it out, or send {DEFAULT_MODELS[0]}."
        )


class _Conversion(CamelSchema):
    """The fields that every multipart form may carry."""

    retention_days = _retention()
    model = fields.String(
        validate=_model,
        metadata={
            "description": "Only names of the default engine are taken; each means the default.",
            "example": DEFAULT_MODELS[0],
        },
    )


class _OneDocument(_Conversion):
    file = FileField(required=True, metadata={"description": "The document."})
    pages = Pages(
        load_default=None,
        metadata={
            "description": "Which pages to convert: numbers and ranges, counted from 1.",
            "example": "1-3,7",
        },
    )
    cache = Truth(
        load_default=True,
        metadata={
            "description": "Whether an earlier result for the same bytes may be given. Today every "
            "request is converted anew, whatever this says."
        },
    )
    webhook_url = Unavailable(
        metadata={"description": "Not available yet: refused with 422 `option_unavailable`."}
    )


class ConvertForm(_OneDocument):
    format = Word(
        FORMATS,
        FORMATS_TO_COME,
        load_default="markdown",
        metadata={"description": "Form of the answer. `html` is not available yet."},
    )


class SubmitForm(_OneDocument):
    priority = _priority()


class BatchForm(_Conversion):
    files: fields.List[Any] = fields.List(
        FileField(),
        required=True,
        validate=validate.Length(min=1, max=MAX_BATCH_FILES),
        metadata={"description": "The documents, 1 to 100; the name may be `files[]` as well."},
    )
    priority = _priority()
    use_mistral_batch = Truth(
        load_default=False,
        metadata={"description": "`true` is not available yet: refused with 422."},
    )

    @validates_schema
    def _refuse_provider_batch(self, values: dict[str, Any], **_options: Any) -> None:
        if values["use_mistral_batch"]:
            raise errors.OptionUnavailable(
                "useMistralBatch=true is not available yet. Leave it out, or send false."
            )


class UploadForm(CamelSchema):
    file_name = fields.String(
        required=True,
        validate=validate.Length(1, FILE_NAME_MAX_LENGTH, error="1 to 1024 characters"),
        error_messages={"invalid": "text", "null": "text"},
        metadata={"example": "report.pdf"},
    )
    file_size = WholeNumber(
        1, 2**53, required=True, metadata={"description": "Bytes, exactly.", "example": 102400}
    )
    mime_type = fields.String(
        load_default=media.PDF,
        validate=validate.Length(max=100, error="at most 100 characters"),
        error_messages={"invalid": "text", "null": "text"},
        metadata={"description": "A hint; the bytes decide.", "example": media.PDF},
    )
    retention_days = _retention()


class ResultQuery(CamelSchema):
    format = Word(
        FORMATS,
        FORMATS_TO_COME,
        load_default="markdown",
        metadata={"description": "`html` and `zip` are not available yet."},
    )
    pages = Pages(
        load_default=None,
        metadata={"description": "Only these pages of the result.", "example": "1-3,7"},
    )


class WaitQuery(CamelSchema):
    wait = WholeNumber(
        0,
        MAX_WAIT_SECONDS,
        load_default=0,
        metadata={"description": "Seconds to wait for the end, before the answer.", "example": 30},
    )


class BatchStatusQuery(WaitQuery):
    details = Truth(load_default=False, metadata={"description": "Adds `documents`."})


class BatchDownloadQuery(CamelSchema):
    format = Word(
        ("jsonl",),
        ("zip",),
        load_default="jsonl",
        metadata={"description": "`zip` is not available yet."},
    )


class PeriodQuery(CamelSchema):
    start_date = Moment(
        load_default=None,
        metadata={"description": "From this day or moment on, in UTC.", "example": "2026-01-01"},
    )
    end_date = Moment(
        whole_day=True,
        load_default=None,
        metadata={
            "description": "Until this moment, or until the end of this day, in UTC.",
            "example": "2026-01-31",
        },
    )

    @validates_schema
    def _in_order(self, values: dict[str, Any], **_options: Any) -> None:
        start, end = values.get("start_date"), values.get("end_date")
        if start and end and end < start:
            raise ValidationError("not before startDate", "endDate")


class BreakdownQuery(PeriodQuery):
    group_by = Word(("operation", "model", "day"), load_default="operation")


def order_of(form: dict[str, Any], owner: str, **fixed: Any) -> Order:
    """What a form orders, for an owner."""
    sent: dict[str, Any] = {
        key: form[key] for key in ("priority", "retention_days", "pages") if key in form
    }
    wanted: dict[str, Any] = {**sent, **fixed}
    return Order(owner=owner, **wanted)
