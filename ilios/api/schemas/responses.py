"""The bodies of answers."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from ilios.api.schemas.page_responses import PageSchema, warnings
from ilios.api.schemas.requests import CamelSchema
from ilios.api.schemas.response_fields import (
    DOCUMENT_STATE,
    EXAMPLE_MOMENT,
    flag,
    identifier,
    moment,
    number,
    part,
    parts,
    real,
    text,
    url,
)
from ilios.db.models import DocumentStatus
from ilios.operations.heartbeat import BlockReason

DOCUMENT_STATUSES = tuple(DocumentStatus)
TEXT = {"type": "string"}
BINARY = {"type": "string", "format": "binary"}
BATCH_STATUSES = ("pending", "processing", "completed", "failed", "cancelled")


class RefusedFileSchema(CamelSchema):
    name = text("The file's name.", example="empty.pdf")
    code = text(example="empty_file")
    detail = text("What is wrong with it.")
    archive = text("The archive that it came in.", optional=True, example="reports.zip")


class ProblemSchema(CamelSchema):
    """RFC 9457, with two fields for clients of the predecessor."""

    type = text("A URI that names the kind of problem.", example="urn:ilios:error:invalid_pages")
    title = text("The kind of problem, for people.", example="Invalid field")
    status = number("The HTTP status.", example=400)
    detail = text("What is wrong, and what would be right.")
    instance = text("The path that was asked for.", example="/v1/convert")
    code = text("The kind of problem, for programs: stable.", example="invalid_pages")
    request_id = text("The id under which the log has this request.")
    error = text("The same as title.")
    details = text("The same as detail.")
    id = identifier("The document, where the problem has one.", optional=True)
    status_url = url("Where to follow that document.", optional=True)
    path = text(
        "JSON pointer to what is wrong in a schema.",
        optional=True,
        example="/properties/total/type",
    )
    errors = parts(
        RefusedFileSchema, "Of a refused batch: every file that is to blame.", optional=True
    )


def _status() -> fields.String:
    return text(enum=list(DOCUMENT_STATUSES), title=DOCUMENT_STATE, example="completed")


def _warnings() -> fields.List[Any]:
    return warnings("What a reader of the result should know.")


class FailedPageSchema(CamelSchema):
    number = number("Of the page, counted from 1.", example=7)
    code = text("Why it could not be converted, for programs.", example="refused_by_provider")


def _partial() -> fields.Boolean:
    """Make the field `partial`; marshmallow's schemas have an attribute of that name."""
    return flag("Whether the result lacks pages that failed (`allowPartial`).", data_key="partial")


def _cached() -> fields.Boolean:
    return flag("Whether an earlier or running conversion of the same bytes answers, at no cost.")


class AcceptedSchema(CamelSchema):
    id = identifier("The new document.")
    status = text(
        "`completed` when an earlier result answers at once.",
        enum=["pending", "completed"],
        example="pending",
    )
    cached = _cached()
    file_name = text(example="report.pdf")
    file_size = number("Bytes.", example=102400)
    retention_days = number(example=365)
    status_url = url("Where to follow it.")
    created_at = moment()
    message = text(example="The document is stored and waits for its conversion.")


class DocumentStatusSchema(CamelSchema):
    id = identifier("The document.")
    status = _status()
    cached = _cached()
    file_name = text(example="report.pdf")
    file_size = number("Bytes.", example=102400)
    created_at = moment()
    started_at = moment("Left out while it waits.", optional=True)
    processed_at = moment("Left out until it has ended.", optional=True)
    progress = number("Percent.", minimum=0, maximum=100, example=100)
    pages_done = number(example=12)
    pages_total = number("Null until it is known.", null=True, example=12)
    attempts = number("How often its conversion was begun.", example=1)
    queue_position = number(
        "How many of your own waiting documents go first.", optional=True, example=0
    )
    error = text("Why it failed: a sentence.", optional=True)
    error_code = text("Why it failed, for programs.", optional=True, example="encrypted_document")
    download_url = url("The result, once it is completed.", optional=True)
    warnings = _warnings()
    is_partial = _partial()
    failed_pages = parts(FailedPageSchema, "With `allowPartial`: the pages that failed so far.")


class MatchSchema(CamelSchema):
    page = number("Of the original.", example=3)
    snippet = text("Plain text around the first of the words.", example="… stands in water …")
    ranges = fields.List(
        fields.List(fields.Integer(), validate=validate.Length(equal=2)),
        required=True,
        metadata={
            "description": "Where the words stand in the snippet: start and end, in characters "
            "from 0; the end is not included.",
            "example": [[9, 11]],
        },
    )


class ListedDocumentSchema(CamelSchema):
    id = identifier("The document.")
    status = _status()
    is_partial = _partial()
    cached = _cached()
    file_name = text("Empty once it is deleted.", example="report.pdf")
    file_size = number("Bytes.", example=102400)
    mime_type = text("Told from the bytes.", example="application/pdf")
    batch_id = identifier("The batch that it came in, if any.", null=True)
    pages_total = number("Null until it is known.", null=True, example=12)
    retention_days = number(example=365)
    created_at = moment()
    processed_at = moment("Null until it has ended.", null=True)
    error = text("Why it failed.", optional=True)
    error_code = text("Why it failed, for programs.", optional=True)
    status_url = url("Where to follow it.")
    matches = parts(
        MatchSchema,
        "With `q`: the best of its pages that have the words, at most 3.",
        optional=True,
    )


class DocumentListSchema(CamelSchema):
    documents = parts(
        ListedDocumentSchema,
        "The newest first; with `q`, those whose names have it, then those whose pages have the "
        "words, the best first.",
    )
    next_cursor = text("What `cursor` takes for the next ones; null after the last.", null=True)


class DocumentInfoSchema(CamelSchema):
    title = text(null=True, example="Herons")
    author = text(null=True)
    created = text("ISO 8601, in UTC.", null=True, example=EXAMPLE_MOMENT)
    modified = text("ISO 8601, in UTC.", null=True)
    language = text("A tag of BCP 47.", null=True, example="en")
    page_count = number("Of the original.", null=True, example=12)
    producer = text("The program that wrote it.", null=True)


class MetadataSchema(CamelSchema):
    model = text("What converted it.", example="embedded")
    extracted_pages = number(example=12)
    processing_time_ms = number(example=840)
    file_name = text(example="report.pdf")
    file_size = number("Bytes.", example=102400)
    mime_type = text("Told from the bytes.", example="application/pdf")
    cached = _cached()
    document = part(DocumentInfoSchema, "What the file says of itself.")


class ResultUsageSchema(Schema):
    prompt_tokens = number("An estimate, for clients of the predecessor.", example=0)
    completion_tokens = number("An estimate: characters / 4. Pages are charged.", example=310)
    total_tokens = number("An estimate.", example=310)
    pages = number("Pages that were charged.", example=12)
    costUsd = real(  # noqa: N815  # the contract's own name
        "Exact to the micro-dollar.", example=0.0624
    )


class ResultSchema(CamelSchema):
    id = identifier("The document.")
    content = text("Markdown, pages joined by a rule (`---`).", example="# Title\n\nText.")
    metadata = part(MetadataSchema)
    usage = part(ResultUsageSchema)
    download_url = url("The result.")
    is_partial = _partial()
    failed_pages = parts(FailedPageSchema, "The pages that are missing, with the reason of each.")
    extraction = fields.Raw(
        required=True,
        allow_none=True,
        metadata={
            "description": "What the document holds of `schema`; a text if what came is no JSON."
        },
    )
    pages = parts(PageSchema)
    warnings = _warnings()


class UploadOfferSchema(CamelSchema):
    id = identifier("The document that waits for its bytes.")
    upload_url = url("PUT exactly `fileSize` bytes there, without any other authentication.")
    s3_key = text("The object's key.", data_key="s3Key")
    expires_in = number("Seconds.", example=3600)


class UploadCompletedSchema(CamelSchema):
    id = identifier("The document.")
    status = text(enum=["pending", "completed"], example="pending")
    cached = _cached()
    message = text(example="The document is stored and waits for its conversion.")


class BatchDocumentSchema(CamelSchema):
    id = identifier("The document.")
    file_name = text(example="report.pdf")
    file_size = number("Bytes.", example=102400)
    status = _status()
    is_partial = _partial()
    error = text("Why it failed.", optional=True)
    error_code = text("Why it failed, for programs.", optional=True)


class BatchAcceptedSchema(CamelSchema):
    batch_id = identifier("The new batch.")
    status = text(enum=["queued"], example="queued")
    total_documents = number(example=2)
    documents = parts(BatchDocumentSchema)
    status_url = url("Where to follow it.")


class BatchProgressSchema(CamelSchema):
    total = number(example=2)
    pending = number(example=0)
    processing = number(example=0)
    completed = number(example=2)
    failed = number(example=0)
    cancelled = number(example=0)
    deleted = number("Since, by their owner or by retention.", example=0)


class BatchStatusSchema(CamelSchema):
    batch_id = identifier("The batch.")
    status = text(
        "`failed` or `cancelled` only if no document was completed.",
        enum=list(BATCH_STATUSES),
        title="BatchState",
    )
    progress = part(BatchProgressSchema)
    created_at = moment()
    completed_at = moment("Null until every document has ended.", null=True)
    download_url = url("The results; null until every document has ended.", null=True)
    mistral_batch_job_id = text("With `useMistralBatch=true`, once Mistral has it.", optional=True)
    mistral_status = text("Of that job, in Mistral's words.", optional=True, example="RUNNING")
    documents = parts(BatchDocumentSchema, "With `details=true`.", optional=True)


class HealthServicesSchema(CamelSchema):
    database = text(example="connected")
    s3 = text(
        "`local`, `configured`, or what is the matter; documents wait meanwhile.", example="local"
    )
    workers = text(example="ok")
    queue = text(example="ok")
    provider = text(
        "`ok`, `not used`, or what is the matter; documents wait meanwhile.", example="ok"
    )
    disk = text("`ok`, or why nothing new is taken on.", example="ok")
    search = text("`ok`, or how far the index of words is, such as `indexing: 43 %`.", example="ok")
    turso = text("With replication: `ok`, or what is the matter.", optional=True, example="ok")


class ReplicationSchema(CamelSchema):
    lag_rows = number("About how many changes Turso lacks.")
    lag_seconds = real("For how long it has lacked some.")


class HealthSchema(CamelSchema):
    status = text(enum=["healthy", "unhealthy"], example="healthy")
    timestamp = moment()
    services = part(HealthServicesSchema)
    claims_blocked = text(
        "Why no job starts; null while jobs may start, or the supervisor does not answer. "
        "A reason of the provider blocks its own documents only.",
        null=True,
        enum=[*BlockReason, None],
        title="BlockReason",
        example=None,
    )
    replication = part(ReplicationSchema, optional=True)
    cause = text("Why it is unhealthy.", optional=True)


class ProbeSchema(CamelSchema):
    status = text(example="ok")
