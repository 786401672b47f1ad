"""Every option and every field of the installed SDK is used, or left out for a reason."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from mistralai.client import models
from mistralai.client.models.ocrpageobject import _BLOCK_VARIANTS
from pydantic import BaseModel

from ilios.engines.base import Conversion, Options, Part, Source
from ilios.engines.detection import media_types
from ilios.engines.extraction import ExtractionTexts
from ilios.engines.mistral import client, responses
from ilios.engines.mistral.http_client import DraftClient

Field = tuple[str, str]  #: of a model of the SDK
Place = tuple[Field, Any, str]  #: a field of an answer: what holds it, and its key there

NOT_SENT: dict[Field, str] = {
    ("OCRRequest", "pages"): "Pages are cut out of a PDF, so that no others leave the machine.",
    ("DocumentURLChunk", "document_name"): "The name of a file never leaves the machine.",
    ("ImageURL", "url"): "An image is given by its address alone.",
    ("ImageURL", "detail"): "An image is given by its address alone.",
    ("JSONSchema", "description"): "A schema has its own.",
    ("JSONSchema", "strict"): "What it demands of a schema is the provider's affair.",
}
NOT_READ: dict[Field, str] = {
    ("OCRUsageInfo", "doc_size_bytes"): "The size of what was sent is known.",
    ("OCRPageConfidenceScores", "minimum_page_confidence_score"): "It is that of one word or less.",
    ("OCRBlockConfidenceScores", "minimum_content_confidence_score"): "It is that of one word.",
    ("OCRBlockConfidenceScores", "block_type_confidence_score"): "It is not that of the text.",
    ("OCRConfidenceScore", "start_index"): "It counts in a text without tables and images.",
    ("UnknownBlock", "type"): "The SDK makes it; what came is read instead.",
    ("UnknownBlock", "raw"): "The SDK makes it; what came is read instead.",
    ("UnknownBlock", "is_unknown"): "The SDK makes it; what came is read instead.",
}
DOCUMENTS: dict[str | None, type[BaseModel]] = {
    media_types.PDF: models.DocumentURLChunk,
    media_types.PNG: models.ImageURLChunk,
    None: models.FileChunk,
}
EVERYTHING = Options(
    include_images=True,
    table_format="html",
    extract_header=True,
    extract_footer=True,
    include_blocks=True,
    confidence="word",
    image_limit=10,
    image_min_size=10,
    extraction=ExtractionTexts("{}", "{}", "In euros.").request(),
)
CORNERS = {"top_left_x": 10, "top_left_y": 20, "bottom_right_x": 30, "bottom_right_y": 40}
SCORES = {
    "average_content_confidence_score": 0.9,
    "minimum_content_confidence_score": 0.5,
    "block_type_confidence_score": 0.7,
}
IMAGE = base64.b64encode(b"\x89PNG").decode()


def named(field_of: type[BaseModel]) -> Iterator[tuple[Field, Any]]:
    """Yield the fields of a model as they are called in JSON, with their types."""
    for name, field in field_of.model_fields.items():
        yield (field_of.__name__, field.alias or name), field.annotation


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that a type mentions; an alias stands for what it is an alias of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation) or get_args(getattr(annotation, "__value__", None)):
        yield from models_in(inner)


def models_below(model: type[BaseModel]) -> set[type[BaseModel]]:
    found = {model}
    for _, annotation in named(model):
        for inner in models_in(annotation):
            if inner not in found:
                found |= models_below(inner)
    return found


def test_every_option_is_sent_or_left_out_for_a_reason() -> None:
    sdk = client.open_sdk("key", "http://127.0.0.1:1", DraftClient())
    asked = tuple(client.request_options(EVERYTHING).items())
    sent: set[Field] = set()
    for media_type, chunk in DOCUMENTS.items():
        body = json.loads(client._draft(sdk, media_type, "model", asked).content)
        sent |= {("OCRRequest", name) for name in body}
        sent |= {(chunk.__name__, name) for name in body["document"]}
        for schema in (body["document_annotation_format"], body["bbox_annotation_format"]):
            sent |= {("ResponseFormat", name) for name in schema}
            sent |= {("JSONSchema", name) for name in schema["json_schema"]}

    there = {field for model in models_below(models.OCRRequest) for field, _ in named(model)}
    assert there - sent == set(NOT_SENT)


def block(kind: str, **more: Any) -> dict[str, Any]:
    content = f"What the {kind} says"
    scores = {**SCORES}
    return {"type": kind, "content": content, "confidence_scores": scores, **CORNERS, **more}


def full_answer() -> dict[str, Any]:
    """Return an answer that has every field of the SDK's models."""
    word = {"text": "What", "confidence": 0.8, "start_index": 0}
    blocks = [
        block(kind)
        for kind, model in _BLOCK_VARIANTS.items()
        if not {"image_id", "table_id"} & model.model_fields.keys()
    ]
    blocks += [block("table", table_id=None), block("table", content="", table_id="t.html")]
    blocks += [block("image", image_id="none"), block("image", content="", image_id="i.png")]
    texts = [one["content"] for one in blocks if one["content"] and one["type"] != "image"]
    page = {
        "index": 0,
        "markdown": "\n\n".join([*texts, "[t.html](t.html)", "![i.png](i.png)"]),
        "images": [
            {
                "id": "i.png",
                "image_base64": f"data:image/png;base64,{IMAGE}",
                "image_annotation": "{}",
                **CORNERS,
            }
        ],
        "tables": [
            {
                "id": "t.html",
                "content": "<table></table>",
                "format": "html",
                "word_confidence_scores": [{**word}],
            }
        ],
        "hyperlinks": ["https://example.org"],
        "header": "Head",
        "footer": "Foot",
        "dimensions": {"dpi": 200, "width": 1000, "height": 2000},
        "confidence_scores": {
            "average_page_confidence_score": 0.9,
            "minimum_page_confidence_score": 0.5,
            "word_confidence_scores": [{**word}],
        },
        "blocks": blocks,
    }
    return {
        "pages": [page],
        "model": "mistral-ocr-4-1",
        "usage_info": {"pages_processed": 1, "doc_size_bytes": 10},
        "document_annotation": "{}",
    }


def places(model: type[BaseModel], holder: dict[str, Any]) -> Iterator[Place]:
    """Yield every field of an answer that holds no further models."""
    for field, annotation in named(model):
        value = holder[field[1]]
        inner = list(models_in(annotation))
        if not inner:
            yield field, holder, field[1]
        for one in value if isinstance(value, list) and inner else [value] if inner else []:
            known = _BLOCK_VARIANTS[one["type"]] if len(inner) > 1 else inner[0]
            yield from places(known, one)


def changed(key: str, value: Any) -> Any:
    """Return another value of the same type."""
    match value:
        case "html":
            return "markdown"
        case str() if key == "type":
            return "title" if value != "title" else "list"
        case str() | list():
            return value[:0]
        case None:
            return "t.html"
    return value / 2 if isinstance(value, float) else value + 1


def read(answer: dict[str, Any], folder: Path) -> Conversion:
    part = Part(Source(folder / "source", media_types.PDF, "a.pdf"), (0,))
    return responses.conversion(json.dumps(answer).encode(), part, EVERYTHING, "asked", folder)


def test_an_answer_with_every_field_is_one_of_the_sdk() -> None:
    answer = full_answer()

    parsed = models.OCRResponse.model_validate(answer)

    assert parsed.model_dump(mode="json", by_alias=True, exclude_unset=True) == answer
    there = {field for field, _, _ in places(models.OCRResponse, answer)}
    scalars = {
        field
        for model in models_below(models.OCRResponse) - {models.UnknownBlock}
        for field, annotation in named(model)
        if not list(models_in(annotation))
    }
    assert there == scalars


def test_every_field_is_read_or_left_out_for_a_reason(tmp_path: Path) -> None:
    answer = full_answer()
    plain = read(answer, tmp_path)
    unread: set[Field] = set()
    used: set[Field] = set()
    for field, holder, key in places(models.OCRResponse, answer):
        value = copy.copy(holder[key])
        holder[key] = changed(key, value)
        (used if read(answer, tmp_path) != plain else unread).add(field)
        holder[key] = value

    left_out = {field for field in NOT_READ if field[0] != "UnknownBlock"}
    assert unread - used == left_out


@pytest.mark.parametrize("reasons", [NOT_SENT, NOT_READ])
def test_what_is_left_out_exists(reasons: dict[Field, str]) -> None:
    roots = models_below(models.OCRRequest) | models_below(models.OCRResponse)
    there = {field for model in roots for field, _ in named(model)}

    assert reasons.keys() <= there
