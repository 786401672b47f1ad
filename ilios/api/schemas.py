"""What answers hold."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from ilios.api.forms import CamelSchema

EXAMPLE_ID = "k3v9x0q2m7c1a8z5t4b6n2pd"
EXAMPLE_MOMENT = "2026-11-23T15:00:00.000Z"
DOCUMENT_STATUSES = ("awaiting_upload", "pending", "processing", "completed", "failed")
TEXT = {"type": "string"}
BINARY = {"type": "string", "format": "binary"}
BATCH_STATUSES = ("pending", "processing", "completed", "failed")


def _text(
    description: str = "", *, null: bool = False, data_key: str | None = None, **metadata: Any
) -> fields.String:
    shown = {"description": description} if description else {}
    return fields.String(allow_none=null, data_key=data_key, metadata={**shown, **metadata})


def _number(description: str = "", *, null: bool = False, **metadata: Any) -> fields.Integer:
    shown = {"description": description} if description else {}
    return fields.Integer(allow_none=null, metadata={**shown, **metadata})


def _id(description: str) -> fields.String:
    return _text(description, pattern="^[a-z0-9]{20,30}$", example=EXAMPLE_ID)


def _moment(description: str = "", *, null: bool = False) -> fields.String:
    return _text(description, null=null, format="date-time", example=EXAMPLE_MOMENT)


def _url(description: str, *, null: bool = False) -> fields.String:
    return _text(description, null=null, format="uri")


class RefusedFileSchema(CamelSchema):
    name = _text("The file's name.", example="empty.pdf")
    code = _text(example="empty_file")
    detail = _text("What is wrong with it.")


class ProblemSchema(CamelSchema):
    """RFC 9457, with two fields for clients of the predecessor."""

    type = _text("A URI that names the kind of problem.", example="urn:ilios:error:invalid_pages")
    title = _text("The kind of problem, for people.", example="Invalid field")
    status = _number("The HTTP status.", example=400)
    detail = _text("What is wrong, and what would be right.")
    instance = _text("The path that was asked for.", example="/v1/convert")
    code = _text("The kind of problem, for programs: stable.", example="invalid_pages")
    request_id = _text("The id under which the log has this request.")
    error = _text("The same as title.")
    details = _text("The same as detail.")
    id = _id("The document, where the problem has one.")
    status_url = _url("Where to follow that document.")
    errors = fields.List(
        fields.Nested(RefusedFileSchema),
        metadata={"description": "Of a refused batch: every file that is to blame."},
    )


class WarningSchema(CamelSchema):
    code = _text(example="empty_page")
    message = _text("A sentence for people.")
    page = _number("Counted from 1; null for the whole document.", null=True)


def _warnings() -> fields.List[Any]:
    return fields.List(
        fields.Nested(WarningSchema),
        metadata={"description": "What a reader of the result should know."},
    )


class AcceptedSchema(CamelSchema):
    id = _id("The new document.")
    status = _text(enum=["pending"], example="pending")
    file_name = _text(example="report.pdf")
    file_size = _number("Bytes.", example=102400)
    retention_days = _number(example=365)
    status_url = _url("Where to follow it.")
    created_at = _moment()
    message = _text(example="The document is stored and waits for its conversion.")


class DocumentStatusSchema(CamelSchema):
    id = _id("The document.")
    status = _text(enum=list(DOCUMENT_STATUSES), example="completed")
    file_name = _text(example="report.pdf")
    file_size = _number("Bytes.", example=102400)
    created_at = _moment()
    started_at = _moment("Left out while it waits.")
    processed_at = _moment("Left out until it has ended.")
    progress = _number("Percent.", minimum=0, maximum=100, example=100)
    pages_done = _number(example=12)
    pages_total = _number("Null until it is known.", null=True, example=12)
    attempts = _number("How often its conversion was begun.", example=1)
    queue_position = _number("How many of your own waiting documents go first.", example=0)
    error = _text("Why it failed: a sentence.")
    error_code = _text("Why it failed, for programs.", example="encrypted_document")
    download_url = _url("The result, once it is completed.")
    warnings = _warnings()


class MetadataSchema(CamelSchema):
    model = _text("What converted it.", example="embedded")
    extracted_pages = _number(example=12)
    processing_time_ms = _number(example=840)
    file_name = _text(example="report.pdf")
    file_size = _number("Bytes.", example=102400)
    mime_type = _text("Told from the bytes.", example="application/pdf")


class ResultUsageSchema(Schema):
    prompt_tokens = _number(example=0)
    completion_tokens = _number("An estimate.", example=310)
    total_tokens = _number(example=310)
    pages = _number("Pages that were charged.", example=12)
    costUsd = fields.Float(metadata={"example": 0.0156})  # noqa: N815  # the contract's own name


class ResultSchema(CamelSchema):
    id = _id("The document.")
    content = _text("Markdown, pages joined by a rule (`---`).", example="# Title\n\nText.")
    metadata = fields.Nested(MetadataSchema)
    usage = fields.Nested(ResultUsageSchema)
    download_url = _url("The result.")
    warnings = _warnings()


class UploadOfferSchema(CamelSchema):
    id = _id("The document that waits for its bytes.")
    upload_url = _url("PUT exactly `fileSize` bytes there, without any other authentication.")
    s3_key = _text("The object's key.", data_key="s3Key")
    expires_in = _number("Seconds.", example=3600)


class UploadCompletedSchema(CamelSchema):
    id = _id("The document.")
    status = _text(enum=["pending"], example="pending")
    message = _text(example="The upload is complete and waits for its conversion.")


class BatchDocumentSchema(CamelSchema):
    id = _id("The document.")
    file_name = _text(example="report.pdf")
    file_size = _number("Bytes.", example=102400)
    status = _text(enum=list(DOCUMENT_STATUSES), example="pending")
    error = _text("Why it failed.")
    error_code = _text("Why it failed, for programs.")


class BatchAcceptedSchema(CamelSchema):
    batch_id = _id("The new batch.")
    status = _text(enum=["queued"], example="queued")
    total_documents = _number(example=2)
    documents = fields.List(fields.Nested(BatchDocumentSchema))
    status_url = _url("Where to follow it.")


class BatchProgressSchema(CamelSchema):
    total = _number(example=2)
    pending = _number(example=0)
    processing = _number(example=0)
    completed = _number(example=2)
    failed = _number(example=0)
    cancelled = _number(example=0)


class BatchStatusSchema(CamelSchema):
    batch_id = _id("The batch.")
    status = _text("`failed` only if no document was completed.", enum=list(BATCH_STATUSES))
    progress = fields.Nested(BatchProgressSchema)
    created_at = _moment()
    completed_at = _moment("Null until every document has ended.", null=True)
    download_url = _url("The results; null until every document has ended.", null=True)
    documents = fields.List(
        fields.Nested(BatchDocumentSchema), metadata={"description": "With `details=true`."}
    )


class TotalsSchema(CamelSchema):
    total_documents = _number(example=3)
    total_operations = _number("Engine calls.", example=3)
    total_pages = _number(example=36)
    total_input_tokens = _number(example=0)
    total_output_tokens = _number("An estimate.", example=930)
    total_cost_cents = _number("Rounded once, here.", example=5)
    total_cost_usd = _text("Exact, as a decimal.", data_key="totalCostUSD", example="0.046800")
    total_cost_micros = _number("Exact, in millionths of a dollar.", example=46800)


class PeriodSchema(CamelSchema):
    start_date = _text("As it was sent.", null=True, example="2026-01-01")
    end_date = _text("As it was sent.", null=True, example="2026-01-31")


class UsageSummarySchema(CamelSchema):
    summary = fields.Nested(TotalsSchema)
    filters = fields.Nested(PeriodSchema)


class GroupTotalsSchema(TotalsSchema):
    operation = _text("With groupBy=operation.", enum=["convert", "convert-immediate"])
    model = _text("With groupBy=model.", example="embedded")
    day = _text("With groupBy=day, in UTC.", format="date", example="2026-01-31")


class UsageBreakdownSchema(CamelSchema):
    breakdown = fields.List(fields.Nested(GroupTotalsSchema))
    filters = fields.Nested(PeriodSchema)


class HealthServicesSchema(CamelSchema):
    database = _text(example="connected")
    s3 = _text(enum=["configured", "local"], example="local")
    workers = _text(example="ok")
    queue = _text(example="ok")


class HealthSchema(CamelSchema):
    status = _text(enum=["healthy", "unhealthy"], example="healthy")
    timestamp = _moment()
    services = fields.Nested(HealthServicesSchema)
    cause = _text("Why it is unhealthy.")


class ProbeSchema(CamelSchema):
    status = _text(example="ok")
