"""The bodies of requests: the fields that clients send, with their limits."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import Any, Final, get_args

from marshmallow import Schema, ValidationError, fields, missing, validate

from ilios.api.schemas.extraction_fields import ExtractionFields
from ilios.api.schemas.request_fields import (
    Choice,
    Dollars,
    FileField,
    Pages,
    PasswordField,
    Share,
    StrictBoolean,
    WholeNumber,
)
from ilios.api.schemas.shown import Shown
from ilios.core.prices import DOLLARS_PATTERN
from ilios.documents.admission import DEFAULT_RETENTION_DAYS
from ilios.documents.submission import MAX_BATCH_FILES, MAX_RETENTION_DAYS
from ilios.engines.base import Granularity
from ilios.engines.detection import media_types
from ilios.engines.page_selection import PATTERN
from ilios.queue.jobs import DEFAULT_PRIORITY, MAX_PRIORITY, MIN_PRIORITY
from ilios.webhooks.receivers import URL_MAX_CHARACTERS

BLOCKS: Final = "blocks"
HTML: Final = "html"  #: of one page
GRANULARITIES: Final = get_args(Granularity)
GRANULARITY: Final = "Granularity"  #: the title of these
FILE_NAME_MAX_LENGTH: Final = 1024
IMAGE_LIMIT_MAX: Final = 10_000
IMAGE_MIN_SIZE_MAX: Final = 10_000  #: pixels

_KINDS: Final[dict[type, type]] = {
    fields.String: str,
    fields.Integer: int,
    fields.Boolean: bool,
    fields.Float: float,
}  #: of values that a field shows as they are


def camel_case(name: str) -> str:
    """Return a Python name as JSON and the OpenAPI document have it."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


class CamelSchema(Schema):
    """Python names inside, camelCase in JSON."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        if field_obj.data_key is None:
            field_obj.data_key = camel_case(field_name)

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Return a dictionary as its fields show it; what has its field's type is only renamed.

        marshmallow takes 2 µs for each value, which is most of the time of a long list.
        """
        if many:
            return [self.dump(one) for one in obj]
        if not isinstance(obj, dict):
            return super().dump(obj, many=many)
        shown = {}
        for name, key, kind, field in self._shown_fields:
            value = obj.get(name, missing)
            if value is None or value.__class__ is kind:
                shown[key] = value
            elif value is not missing:
                shown[key] = field.serialize(name, obj, accessor=self.get_attribute)
        return shown

    @cached_property
    def _shown_fields(self) -> list[tuple[str, str, type | None, fields.Field[Any]]]:
        return [
            (field.attribute or name, field.data_key or name, _KINDS.get(type(field)), field)
            for name, field in self.dump_fields.items()
        ]


class RequestSchema(CamelSchema):
    """What a client sends: a field may be left out, and is never null."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        super().on_bind_field(field_name, field_obj)
        field_obj.allow_none = False  # marshmallow derives True from a default of None


class FormSchema(RequestSchema):
    """The fields of a form or JSON body, of which most are left out."""

    def load(self, data: Any, **options: Any) -> Any:
        """Return what was sent as its fields read it, and the defaults of what was not.

        marshmallow asks each field, sent or not, which takes ten times as long. It says what is
        wrong: it reads everything once more where a field is missing, unknown or refused.
        """
        if isinstance(data, dict) and self._required <= data.keys() <= self._names.keys():
            with suppress(ValidationError):
                read = {
                    name: self.fields[name].deserialize(data[key], key, data)
                    for key, name in self._names.items()
                    if key in data
                }
                return {**self._defaults, **read}
        return super().load(data, **options)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Return the names of the fields by their keys, in the order in which they are refused."""
        return {field.data_key or name: name for name, field in self.load_fields.items()}

    @cached_property
    def _required(self) -> set[str]:
        return {key for key, name in self._names.items() if self.fields[name].required}

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        defaults = {name: field.load_default for name, field in self.load_fields.items()}
        return {name: default for name, default in defaults.items() if default is not missing}


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


def _model() -> fields.String:
    return fields.String(
        load_default=None,
        metadata={
            "description": "A model of the price book, or `default`. Mistral only.",
            "example": "default",
        },
    )


def _use_mistral_batch() -> StrictBoolean:
    return StrictBoolean(
        load_default=False,
        metadata={"description": "Mistral's batch lane: half the price, and slower. Mistral only."},
    )


def _pages() -> Pages:
    return Pages(
        load_default=None,
        metadata={
            "description": "Which pages to convert: numbers and ranges, counted from 1. Only these "
            "are paid for. With Mistral, of PDF documents only.",
            "example": "1-3,7",
            "pattern": PATTERN,
        },
    )


def _webhook_url(description: str) -> fields.String:
    """Return a field for an address, which the guard looks at: a refusal of ours would quote it."""
    return fields.String(
        load_default=None,
        error_messages={"invalid": "text"},
        metadata={
            "description": description,
            "example": "https://example.com/hooks/ilios",
            "maxLength": URL_MAX_CHARACTERS,
        },
    )


class _Conversion(FormSchema, ExtractionFields):
    """The fields that every form of a conversion may carry."""

    password = PasswordField()
    retention_days = _retention()
    model = _model()
    include_images = StrictBoolean(
        load_default=None,
        metadata={
            "description": "Whether images of the pages are kept and linked from the Markdown. "
            "Left out, the engine decides: the embedded one keeps them, Mistral does not."
        },
    )
    table_format = Choice(
        ("markdown", "html"),
        load_default=None,
        metadata={
            "title": "TableFormat",
            "description": "How tables are written. Mistral only.",
            "example": "markdown",
        },
    )
    extract_header = StrictBoolean(
        load_default=False,
        metadata={"description": "Keep page headers out of the Markdown. Mistral only."},
    )
    extract_footer = StrictBoolean(
        load_default=False,
        metadata={"description": "Keep page footers out of the Markdown. Mistral only."},
    )
    include = Choice(
        (BLOCKS,),
        load_default=None,
        metadata={
            "description": "`blocks`: titles, paragraphs, tables … of each page are asked for, and "
            "kept. Left out, Mistral is not asked; the embedded engine always keeps them.",
            "example": BLOCKS,
        },
    )
    confidence = Choice(
        GRANULARITIES,
        load_default=None,
        metadata={
            "title": GRANULARITY,
            "description": "What gets a confidence of its own. The embedded engine always has that "
            "of pages and blocks; `word` is for Mistral only.",
            "example": "page",
        },
    )
    image_limit = WholeNumber(
        0,
        IMAGE_LIMIT_MAX,
        load_default=None,
        metadata={"description": "The most images that are kept. Mistral only.", "example": 100},
    )
    image_min_size = WholeNumber(
        1,
        IMAGE_MIN_SIZE_MAX,
        load_default=None,
        metadata={
            "description": "Pixels of width and height that an image has at least to be kept. "
            "Mistral only.",
            "example": 50,
        },
    )
    max_cost_usd = Dollars(
        load_default=None,
        metadata={
            "description": "The most that each document may cost, in dollars, the margin included. "
            "One that would cost more is refused, or fails with `cost_above_limit` once its pages "
            "are counted: at no cost.",
            "example": "0.25",
            "pattern": DOLLARS_PATTERN,
        },
    )
    allow_partial = Share(
        load_default=None,
        metadata={
            "description": "The largest share of a document's pages that may fail without failing "
            "the document; `true` for all but one. It is completed then with `partial: true`, and "
            "`failedPages` names them; a retry converts these alone. It has an effect where pages "
            "are converted apart from one another: with Mistral.",
            "example": "0.05",
            "pattern": Share.PATTERN,
        },
    )
    cache = StrictBoolean(
        load_default=True,
        metadata={
            "description": "Whether the key's own earlier or running conversion of the same bytes, "
            "with the same options, may answer: then at no cost. `false` converts anew."
        },
    )
    webhook_url = _webhook_url(
        "Where an event is sent when a document has ended, and when all of a batch have. Left out, "
        "to the address of the key, if it has one."
    )


class _OneDocument(_Conversion):
    file = FileField(required=True, metadata={"description": "The document."})
    pages = _pages()


class ConvertForm(_OneDocument, Shown):
    pass


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
    use_mistral_batch = _use_mistral_batch()


class EstimateForm(FormSchema, ExtractionFields):
    file = FileField(required=True, metadata={"description": "The document; it is not kept."})
    pages = _pages()
    model = _model()
    password = PasswordField()
    use_mistral_batch = _use_mistral_batch()


class UploadForm(FormSchema):
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
        load_default=media_types.PDF,
        validate=validate.Length(max=100, error="at most 100 characters"),
        error_messages={"invalid": "text", "null": "text"},
        metadata={"description": "A hint; the bytes decide.", "example": media_types.PDF},
    )
    retention_days = _retention()


class WebhookTestForm(FormSchema):
    may_be_left_out = True

    webhook_url = _webhook_url("Where the event is sent; left out, to the address of the key.")
