"""What an answer has by schemas, whatever the provider writes there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ilios.engines.base import Conversion, Options, Part, Source
from ilios.engines.detection import media_types
from ilios.engines.extraction import ExtractionTexts
from ilios.engines.mistral import annotation_fields, responses
from ilios.engines.mistral.answer_limits import ANNOTATION_MAX_CHARACTERS, EXTRACTION_MAX_CHARACTERS

ASKED = Options(extraction=ExtractionTexts("{}").request())


def read(answer: dict[str, Any], folder: Path, options: Options = ASKED) -> Conversion:
    part = Part(Source(folder / "source", media_types.PDF, "a.pdf"), None)
    return responses.conversion(json.dumps(answer).encode(), part, options, "asked", folder)


@pytest.mark.parametrize(
    ("came", "kept"),
    [
        ('{"total": 1}', '{"total": 1}'),
        ({"total": "ä"}, '{"total": "ä"}'),
        ([1], "[1]"),
        ("no JSON", "no JSON"),
        ("a\0b\ud800", "ab\ufffd"),
        ("x" * (EXTRACTION_MAX_CHARACTERS + 5), "x" * EXTRACTION_MAX_CHARACTERS),
        ("", ""),
        (None, ""),
        (5, ""),
        (True, ""),
    ],
)
def test_an_extraction_is_kept_as_it_came(tmp_path: Path, came: Any, kept: str) -> None:
    page = {"index": 0, "markdown": "Text"}

    assert read({"pages": [page], "document_annotation": came}, tmp_path).extraction == kept


@pytest.mark.parametrize("options", [Options(), Options(extraction=None, include_images=True)])
def test_none_is_taken_that_was_not_asked_for(tmp_path: Path, options: Options) -> None:
    page = {"index": 0, "markdown": "Text"}

    assert (
        read({"pages": [page], "document_annotation": "{}"}, tmp_path, options).extraction is None
    )


def test_without_a_page_nothing_is_kept_so_that_all_of_it_is_asked_for_again(
    tmp_path: Path,
) -> None:
    assert read({"pages": [], "document_annotation": "{}"}, tmp_path).extraction is None


def test_an_annotation_of_an_image_is_bounded() -> None:
    long = "x" * (ANNOTATION_MAX_CHARACTERS + 1)

    assert annotation_fields.of_image({"image_annotation": long}) == long[:-1]
    assert annotation_fields.of_image({"image_annotation": ""}) is None
    assert annotation_fields.of_image({}) is None


def test_texts_that_are_not_loaded_ask_for_nothing() -> None:
    request = ExtractionTexts("{}", "{}").request()
    assert request is not None
    stored = type(request)(**request.as_json())

    assert stored.digest == request.digest
    assert annotation_fields.request_fields(stored) == annotation_fields.request_fields(None) == {}
