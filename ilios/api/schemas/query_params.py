"""The queries of GET requests."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields, validate, validates_schema

from ilios.api.schemas.request_fields import (
    Choice,
    Identifier,
    Moment,
    Pages,
    StrictBoolean,
    WholeNumber,
)
from ilios.api.schemas.requests import BLOCKS, FILE_NAME_MAX_LENGTH, HTML, RequestSchema
from ilios.api.schemas.response_fields import DOCUMENT_STATE, IDENTIFIER_PATTERN
from ilios.api.schemas.shown import Joined, Shown
from ilios.db.models import DocumentStatus
from ilios.documents.listing import DEFAULT_LIMIT, MAX_LIMIT
from ilios.documents.page_images import (
    WIDTH_DEFAULT_PIXELS,
    WIDTH_MAX_PIXELS,
    WIDTH_MIN_PIXELS,
)
from ilios.engines.page_selection import PATTERN
from ilios.webhooks import service as webhooks

MAX_WAIT_SECONDS: Final = 60
PAGES_LIMIT: Final = 100
PAGES_MAX_LIMIT: Final = 1_000


class PageQuery(RequestSchema):
    include = Choice(
        (BLOCKS,),
        load_default=None,
        metadata={"description": "`blocks`: each page with its blocks.", "example": BLOCKS},
    )


class OnePageQuery(RequestSchema):
    include = Choice(
        (BLOCKS, HTML),
        load_default=None,
        metadata={
            "title": "PageParts",
            "description": "`blocks`: the page with its blocks; `html`: with its Markdown as HTML "
            "that runs nothing, block by block.",
            "example": BLOCKS,
        },
    )


class PageListQuery(RequestSchema):
    cursor = fields.String(
        load_default=None, metadata={"description": "`nextCursor` of the answer before."}
    )
    limit = WholeNumber(1, PAGES_MAX_LIMIT, load_default=PAGES_LIMIT, metadata={"example": 100})


class PageImageQuery(RequestSchema):
    width = WholeNumber(
        WIDTH_MIN_PIXELS,
        WIDTH_MAX_PIXELS,
        load_default=WIDTH_DEFAULT_PIXELS,
        metadata={
            "description": "Pixels. An image with fewer is not enlarged, and a page that is many "
            "times as high as wide is narrower.",
            "example": WIDTH_DEFAULT_PIXELS,
        },
    )


class ResultQuery(PageQuery, Shown):
    pages = Pages(
        attribute="shown_pages",  # those of a conversion are `pages`
        load_default=None,
        metadata={
            "description": "Only these pages of the result; not of a PDF, which is whole.",
            "example": "1-3,7",
            "pattern": PATTERN,
        },
    )


class WaitQuery(RequestSchema):
    wait = WholeNumber(
        0,
        MAX_WAIT_SECONDS,
        load_default=0,
        metadata={"description": "Seconds to wait for the end, before the answer.", "example": 30},
    )


class ListQuery(RequestSchema):
    status = Choice(
        tuple(DocumentStatus),
        load_default=None,
        metadata={
            "title": DOCUMENT_STATE,
            "description": "Deleted documents are listed when this asks for them.",
        },
    )
    batch_id = Identifier(
        load_default=None, metadata={"description": "Of this batch.", "pattern": IDENTIFIER_PATTERN}
    )
    q = fields.String(
        load_default=None,
        validate=[
            validate.Length(1, FILE_NAME_MAX_LENGTH, error="1 to 1024 characters"),
            validate.ContainsNoneOf("\0", error="characters other than NUL"),  # it ends SQL's text
        ],
        metadata={
            "description": "A part of the file name, in whatever case, or words that all stand on "
            "one page of the result.",
            "example": "report",
        },
    )
    cursor = fields.String(
        load_default=None,
        metadata={"description": "`nextCursor` of the answer before, with the same filters."},
    )
    limit = WholeNumber(1, MAX_LIMIT, load_default=DEFAULT_LIMIT, metadata={"example": 50})


class DeliveriesQuery(RequestSchema):
    cursor = fields.String(
        load_default=None, metadata={"description": "`nextCursor` of the answer before."}
    )
    limit = WholeNumber(
        1, webhooks.MAX_LIMIT, load_default=webhooks.DEFAULT_LIMIT, metadata={"example": 50}
    )


class BatchStatusQuery(WaitQuery):
    details = StrictBoolean(load_default=False, metadata={"description": "Adds `documents`."})


class BatchDownloadQuery(PageQuery, Joined):
    format = Choice(
        ("jsonl", "zip"),
        load_default="jsonl",
        metadata={"description": "Lines of JSON, or an archive with a folder for each document."},
    )


class PeriodQuery(RequestSchema):
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
    group_by = Choice(("operation", "model", "day"), load_default="operation")
