"""The pages of a result in answers: every field is there, null where the engine knows nothing."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from ilios.api.schemas import response_fields as shown
from ilios.api.schemas.requests import CamelSchema
from ilios.engines.page_structure import BLOCK_TYPES

BBOX_EXAMPLE = [72, 60, 180.5, 78]


class ConversionWarningSchema(CamelSchema):
    code = shown.text(example="empty_page")
    message = shown.text("A sentence for people.")
    page = shown.number("Counted from 1; null for the whole document.", null=True)


def warnings(description: str) -> fields.List[Any]:
    return shown.parts(ConversionWarningSchema, description)


def _box() -> fields.List[Any]:
    return fields.List(
        fields.Float(),
        required=True,
        allow_none=True,
        metadata={
            "description": "Left, top, right and bottom from the top left corner of the page, in "
            "its `unit`.",
            "minItems": 4,
            "maxItems": 4,
            "example": BBOX_EXAMPLE,
        },
    )


def _confidence(what: str) -> fields.Float:
    return shown.real(
        f"How much of {what} was probably read right.",
        null=True,
        minimum=0,
        maximum=1,
        example=0.98,
    )


class LinkSchema(CamelSchema):
    text = shown.text("Null where only the address is known.", null=True)
    url = shown.text("As the document has it.", example="https://example.com")


class PageImageSchema(CamelSchema):
    name = shown.text(example="page-3-image-1.png")
    url = shown.text("As the Markdown links it.")
    bbox = _box()
    caption = shown.text(null=True, example="Figure 2: Herons")
    annotation = fields.Raw(
        required=True,
        allow_none=True,
        metadata={"description": "What the provider was asked to tell of it."},
    )


class TableSchema(CamelSchema):
    id = shown.text("Unique in the document.", example="table-3-1")
    markdown = shown.text("Null for a table in HTML.", null=True)
    html = shown.text("Null for a table in Markdown.", null=True)
    bbox = _box()


class BlockSchema(CamelSchema):
    type = shown.text(enum=list(BLOCK_TYPES), title="BlockType", example="title")
    text = shown.text("As it stands in the Markdown.", null=True, example="# Results")
    bbox = _box()
    level = shown.number("Of a title, 1 to 6.", null=True, minimum=1, maximum=6)
    confidence = _confidence("it")
    table_id = shown.text("`tables[].id`", null=True)
    image_name = shown.text("`images[].name`", null=True)


class WordSchema(CamelSchema):
    text = shown.text(example="heron")
    confidence = _confidence("it")
    bbox = _box()


class PageOutlineSchema(CamelSchema):
    number = shown.number("Of the page in the original, from 1.", minimum=1, example=3)
    width = shown.real(
        "In `unit`; null for what has no pages of a fixed size.", null=True, example=595.3
    )
    height = shown.real("In `unit`.", null=True, example=841.9)
    unit = shown.text(null=True, enum=["pixel", "point", None], title="PageUnit", example="point")
    dpi = shown.number("Pixels per inch, with the unit `pixel`.", null=True)
    confidence = _confidence("the page")
    warnings = warnings("Those of `warnings` that concern the page.")


class ListedPageSchema(PageOutlineSchema):
    has_blocks = shown.flag("Whether the conversion made blocks of it.", example=True)


class PageListSchema(CamelSchema):
    id = shown.identifier("The document.")
    pages = shown.parts(ListedPageSchema, "Those that are stored, in the order of the original.")
    next_cursor = shown.text(
        "What `cursor` takes for the next ones; null after the last.", null=True
    )


class PageSchema(PageOutlineSchema):
    engine = shown.text(
        null=True, enum=["embedded", "mistral", None], title="Engine", example="embedded"
    )
    markdown = shown.text(example="# Results\n\nText.")
    header = shown.text("What was kept out of the Markdown.", null=True)
    footer = shown.text("What was kept out of the Markdown.", null=True)
    links = shown.parts(LinkSchema)
    images = shown.parts(PageImageSchema)
    tables = shown.parts(TableSchema)
    blocks = shown.parts(
        BlockSchema,
        "With `include=blocks`: in reading order; null if the conversion made none.",
        null=True,
        optional=True,
    )
    words = shown.parts(
        WordSchema, "If the document was converted with `confidence=word`.", optional=True
    )


class HtmlBlockSchema(CamelSchema):
    type = shown.text(enum=list(BLOCK_TYPES), title="BlockType", example="title")
    html = shown.text("Nothing in it runs, or loads but images of the result.")
    bbox = _box()
    level = shown.number("Of a title, 1 to 6.", null=True, minimum=1, maximum=6)
    confidence = _confidence("it")


class PageAnswerSchema(PageSchema):
    id = shown.identifier("The document.")
    html = shown.parts(
        HtmlBlockSchema,
        "With `include=html`: the blocks of its Markdown, in order, also if the conversion made "
        "none.",
        optional=True,
    )
