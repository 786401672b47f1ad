"""What the provider is asked for, beside model and document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ilios.engines.base import Options
from ilios.engines.extraction import ExtractionTexts
from ilios.engines.mistral import client
from ilios.engines.mistral.client import request_options
from ilios.engines.mistral.http_client import DraftClient


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (Options(), {}),
        (Options(include_images=False), {}),
        (Options(include_images=True), {"include_image_base64": True}),
        (Options(table_format="html"), {"table_format": "html"}),
        (
            Options(extract_header=True, extract_footer=True),
            {"extract_header": True, "extract_footer": True},
        ),
        (Options(image_limit=0, image_min_size=64), {"image_limit": 0, "image_min_size": 64}),
        (Options(confidence="page"), {"confidence_scores_granularity": "page"}),
        (Options(confidence="word"), {"confidence_scores_granularity": "word"}),
    ],
)
def test_only_what_is_wanted_is_asked_for(options: Options, asked: dict[str, Any]) -> None:
    assert request_options(options) == {"include_blocks": False, **asked}


FORMAT = {"type": "json_schema", "json_schema": {"name": "document", "schema": {"const": None}}}


@pytest.mark.parametrize(
    ("texts", "asked"),
    [
        (ExtractionTexts('{"const":null}'), {"document_annotation_format": FORMAT}),
        (
            ExtractionTexts('{"const":null}', None, "In euros."),
            {
                "document_annotation_format": FORMAT,
                "document_annotation_prompt": "In euros.",
            },
        ),
        (
            ExtractionTexts(None, "{}", "In euros."),
            {
                "bbox_annotation_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "image", "schema": {}},
                }
            },
        ),
    ],
)
def test_schemas_are_sent_as_they_are_stored(texts: ExtractionTexts, asked: dict[str, Any]) -> None:
    options = Options(extraction=texts.request())

    assert request_options(options) == {"include_blocks": False, **asked}
    sdk = client.open_sdk("key", "http://127.0.0.1:1", DraftClient())
    body = json.loads(
        client._draft(sdk, None, "model", tuple(request_options(options).items())).content
    )
    assert {name: body[name] for name in asked} == asked


@pytest.mark.parametrize("options", [Options(include_blocks=True), Options(confidence="block")])
def test_blocks_are_asked_for_when_they_or_their_scores_are_wanted(options: Options) -> None:
    assert request_options(options)["include_blocks"] is True
