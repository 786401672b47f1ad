"""Blocks, scores and annotations of answers: as the SDK's models have them."""

from __future__ import annotations

import io
import json
from typing import Any, get_args

import pytest
from mistralai.client import Mistral, models
from mistralai.client.models.ocrpageobject import _BLOCK_VARIANTS
from PIL import Image, PngImagePlugin

from tests.integration.mistral_server.conftest import MODEL, Ocr, data_url
from tests.mistral_server import samples
from tests.mistral_server.process import MistralServer

EVERY_TYPE = """Running head
# Results
Some text
of two lines.

- one
- two
$$e = mc^2$$
Figure 1 A curve
```
# no title
```
[1] Smith, 2019
Note: set aside
Signed: A. Smith
Page 7"""
TABLE = "Title\nA | B | C\n1 | 2 | 3\nPage 1"


@pytest.fixture
def read_text(client: Mistral, server: MistralServer) -> Any:
    """Have a picture read of which the provider reads this text."""

    def read_text(text: str, **options: Any) -> models.OCRPageObject:
        chunk = PngImagePlugin.PngInfo()
        chunk.add_text("Text", text)
        png = io.BytesIO()
        Image.new("RGB", (300, 200)).save(png, "PNG", pnginfo=chunk)
        document: Any = {"type": "image_url", "image_url": data_url(png.getvalue(), "image/png")}
        return client.ocr.process(model=MODEL, document=document, **options).pages[0]

    return read_text


def test_a_page_has_blocks_of_the_types_of_its_lines(read_text: Any) -> None:
    blocks = read_text(EVERY_TYPE).blocks

    assert [(block.type, block.content) for block in blocks] == [
        ("header", "Running head"),
        ("title", "# Results"),
        ("text", "Some text\nof two lines."),
        ("list", "- one\n- two"),
        ("equation", "$$e = mc^2$$"),
        ("caption", "Figure 1 A curve"),
        ("code", "```\n# no title\n```"),
        ("references", "[1] Smith, 2019"),
        ("aside_text", "Note: set aside"),
        ("signature", "Signed: A. Smith"),
        ("footer", "Page 7"),
    ]
    bottoms = [block.bottom_right_y for block in blocks]
    assert bottoms == sorted(bottoms)
    assert bottoms[-1] <= 200


def test_tables_and_images_have_blocks_that_name_them(ocr: Ocr) -> None:
    document = samples.pdf(TABLE, image=samples.jpeg())

    answer = ocr(document, include_blocks=True, table_format="html", extract_header=True)

    page: Any = answer.pages[0]
    header, table, footer, image = page.blocks
    assert (header.type, header.content) == ("header", "Title")
    assert (table.type, table.table_id) == ("table", page.tables[0].id)
    assert table.content == page.tables[0].content
    assert (footer.type, image.type, image.image_id) == ("footer", "image", page.images[0].id)
    assert "Title" not in page.markdown


def test_every_type_of_the_sdk_is_made(ocr: Ocr, read_text: Any) -> None:
    document = samples.pdf(TABLE, image=samples.jpeg())
    pages: list[Any] = [ocr(document, include_blocks=True).pages[0], read_text(EVERY_TYPE)]

    assert {block.type for page in pages for block in page.blocks} == set(_BLOCK_VARIANTS)


@pytest.mark.parametrize("granularity", get_args(models.ConfidenceScoresGranularity))
def test_scores_are_of_the_granularity_that_was_asked_for(ocr: Ocr, granularity: str) -> None:
    document = samples.pdf(TABLE, image=samples.jpeg())

    answer = ocr(
        document,
        include_blocks=True,
        table_format="markdown",
        confidence_scores_granularity=granularity,
    )

    page: Any = answer.pages[0]
    assert page.confidence_scores.minimum_page_confidence_score == 0.9
    words = page.confidence_scores.word_confidence_scores
    cells = page.tables[0].word_confidence_scores
    scored = [block.confidence_scores for block in page.blocks]
    if granularity == "word":
        assert words
        assert cells
        first = words[0]
        assert page.markdown[first.start_index :].startswith(first.text)
        assert {word.text for word in cells} >= {"A", "1", "|"}
    else:
        assert not words
        assert not cells
    if granularity == "block":
        assert all(one and one.block_type_confidence_score == 0.97 for one in scored)
        (image,) = [block for block in page.blocks if block.type == "image"]
        assert image.confidence_scores.average_content_confidence_score is None
    else:
        assert not any(scored)


def test_images_are_limited_in_number_and_size(ocr: Ocr) -> None:
    document = samples.pdf("One", "Two", image=samples.jpeg())

    def count(**options: int) -> int:
        return sum(len(page.images) for page in ocr(document, **options).pages)

    assert (count(), count(image_limit=1), count(image_limit=0)) == (2, 1, 0)
    assert (count(image_min_size=100), count(image_min_size=5_000)) == (2, 0)


SCHEMA = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "kind": {"enum": ["invoice", "letter"]},
        "lines": {"type": "array", "items": {"type": "string"}},
        "seller": {"$ref": "#/$defs/seller"},
        "date": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "$defs": {"seller": {"type": "object", "properties": {"name": {"type": ["string", "null"]}}}},
}


def test_annotations_fit_their_schema_unless_they_are_told_not_to(
    ocr: Ocr, server: MistralServer
) -> None:
    document = samples.pdf("Invoice", image=samples.jpeg())
    form = {"type": "json_schema", "json_schema": {"name": "invoice", "schema": SCHEMA}}

    def annotations() -> tuple[str, str]:
        answer = ocr(document, document_annotation_format=form, bbox_annotation_format=form)
        return str(answer.document_annotation), str(answer.pages[0].images[0].image_annotation)

    fits = {"total": 0.0, "kind": "invoice", "lines": [], "seller": {"name": ""}, "date": ""}
    assert [json.loads(one) for one in annotations()] == [fits, fits]
    assert all(call.annotated for call in server.journal().calls)
    server.control(annotations="unfitting")
    assert all(isinstance(json.loads(one), list) for one in annotations())
    server.control(annotations="broken")
    for one in annotations():
        with pytest.raises(ValueError, match="Expecting value"):
            json.loads(one)
