"""The fields that say how a result is shown: of forms and of queries."""

from __future__ import annotations

from typing import Final

from marshmallow import Schema, fields, validate

from ilios.api.schemas.request_fields import Choice, ChunkCharacters, StrictBoolean
from ilios.core.result_forms import SUFFIXES
from ilios.documents import chunks

FORMATS: Final = tuple(SUFFIXES)
SEPARATOR_MAX_LENGTH: Final = 200


class Joined(Schema):
    """How the pages of a result become one text."""

    front_matter = StrictBoolean(
        load_default=False,
        metadata={"description": "Begin the Markdown with what is known of the file, as YAML."},
    )
    page_separator = fields.String(
        load_default=None,
        validate=[
            validate.Length(1, SEPARATOR_MAX_LENGTH, error="1 to 200 characters"),
            validate.ContainsNoneOf("\0", error="characters other than NUL"),
        ],
        metadata={
            "description": "What stands between pages; `{page}` is the number of the next one. "
            "Left out, it is a rule (`---`) between blank lines, in text a blank line.",
            "example": "<!-- page {page} -->",
        },
    )


class Shown(Joined):
    """How a result is shown."""

    format = Choice(
        FORMATS,
        load_default="markdown",
        metadata={
            "title": "ResultFormat",
            "description": "Form of the answer: `zip` has the images as well, `chunks` are for "
            "retrieval, and a `pdf` can be searched.",
        },
    )
    embed_images = StrictBoolean(
        load_default=False,
        metadata={"description": "Of `format=html`: images stand in the answer itself."},
    )
    chunk_size = ChunkCharacters(
        chunks.SIZE_MIN,
        chunks.SIZE_MAX,
        load_default=None,
        metadata={
            "description": "Of `format=chunks`: the most characters of a chunk; left out, "
            f"{chunks.SIZE}. Only one row of a table that is longer may have more.",
            "example": chunks.SIZE,
        },
    )
    chunk_overlap = ChunkCharacters(
        0,
        chunks.SIZE_MAX // 2 - 1,
        load_default=None,
        metadata={
            "description": "Of `format=chunks`: how many characters a chunk may repeat of the one "
            "before; below half of its size. Left out, none.",
            "example": 150,
        },
    )
