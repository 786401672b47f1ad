"""Options of a request for OCR: as clients send them, nulls and all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ilios.api.dialects.mistral import ocr_options
from ilios.api.dialects.mistral.ocr_answer import Shown
from ilios.api.dialects.mistral.ocr_options import LATEST, OcrRequest
from ilios.api.dialects.options import Options
from ilios.core.request_errors import InvalidField, InvalidSchema
from ilios.core.settings import Settings

SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}


@pytest.fixture
def embedded(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, ocr_engine="embedded")


@pytest.fixture
def mistral(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, ocr_engine="mistral", mistral_api_key="key")  # type: ignore[arg-type]


def wanted(settings: Settings, **sent: Any) -> OcrRequest:
    return ocr_options.wanted(Options(sent), sent, settings)


def test_nulls_ask_for_nothing(mistral: Settings) -> None:
    nulls = dict.fromkeys(
        (
            *("pages", "include_image_base64", "image_limit", "image_min_size", "table_format"),
            *("bbox_annotation_format", "document_annotation_format", "extract_header"),
            *("confidence_scores_granularity", "document_annotation_prompt", "extract_footer"),
        )
    )

    found = wanted(mistral, model=LATEST, document={}, id=None, **nulls)

    assert found.pages is None
    assert found.shown == Shown()
    assert found.notes == []
    assert not any(value for name, value in found.fields.items() if name != "model"), found.fields


def test_everything_is_passed_on_to_mistral(mistral: Settings) -> None:
    found = wanted(
        mistral,
        pages=[0, 2, 3],
        include_image_base64=True,
        include_blocks=True,
        image_limit=0,
        image_min_size=5,
        table_format="html",
        extract_header=True,
        confidence_scores_granularity="word",
        document_annotation_format=FORMAT,
        document_annotation_prompt="In euros.",
    )

    assert str(found.pages) == "1,3-4"
    assert found.shown == Shown(blocks=True, image_bytes=True, tables_apart=True, confidence="word")
    assert found.fields == {
        "model": "default",
        "schema": '{"type":"object","properties":{"total":{"type":"number"}}}',
        "image_schema": None,
        "instructions": "In euros.",
        "confidence": "word",
        "include_images": True,
        "table_format": "html",
        "extract_header": True,
        "extract_footer": False,
        "image_limit": 0,
        "image_min_size": 5,
    }
    assert found.notes == []


def test_limits_of_images_ask_for_nothing_without_images(mistral: Settings) -> None:
    found = wanted(mistral, image_limit=0, image_min_size=9, include_image_base64=False)

    assert not {"image_limit", "image_min_size"} & found.fields.keys()
    assert found.notes == []


def test_what_only_mistral_does_is_noted_with_the_embedded_engine(embedded: Settings) -> None:
    found = wanted(
        embedded,
        image_limit=3,
        extract_header=True,
        extract_footer=False,
        table_format="html",
        confidence_scores_granularity="word",
        surprise=1,
    )

    notes = " ".join(note["message"] for note in found.notes)
    for name in ("image_limit", "extract_header", "confidence_scores_granularity", "surprise"):
        assert name in notes
    assert "table_format=html" in notes
    assert "extract_footer" not in notes
    assert found.shown.confidence == "page"


@pytest.mark.parametrize(
    ("sent", "model"),
    [
        (LATEST, "default"),
        ("mistral-ocr-2512", "mistral-ocr-2512"),
        ("mistral-ocr-1999", "default"),
        ("gpt-5", "gpt-5"),  # an order refuses it
        (None, "default"),
    ],
)
def test_a_model_is_found_by_its_name(mistral: Settings, sent: str | None, model: str) -> None:
    found = wanted(mistral, model=sent)

    assert found.fields["model"] == model
    assert bool(found.notes) is (sent == "mistral-ocr-1999")


def test_the_embedded_engine_takes_every_name_of_the_providers(embedded: Settings) -> None:
    assert wanted(embedded, model="mistral-ocr-2512").fields["model"] == "default"
    assert ocr_options.model_names(embedded) == ["embedded", LATEST]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pages", "0-"),
        ("pages", [-1]),
        ("pages", [10**30]),
        ("pages", [float("nan")]),
        ("pages", ["007x"]),
        ("pages", {"from": 1}),
        ("image_limit", -1),
        ("image_limit", 10**30),
        ("image_limit", "many"),
        ("image_min_size", float("inf")),
        ("table_format", "latex"),
        ("confidence_scores_granularity", "letter"),
        ("include_blocks", "perhaps"),
        ("include_image_base64", []),
        ("model", "m" * 101),
        ("model", {"name": "x"}),
        ("document_annotation_format", "json"),
        ("document_annotation_format", {"type": "json_schema"}),
        ("document_annotation_format", {"type": "json_object"}),
        ("document_annotation_prompt", "p" * 8193),
    ],
)
def test_wrong_values_are_refused(mistral: Settings, name: str, value: Any) -> None:
    if value == []:
        assert wanted(mistral, **{name: value}).notes == []  # as if it was not sent
        return
    with pytest.raises(InvalidField, match=name):
        wanted(mistral, **{name: value})


def test_a_schema_that_is_none_is_refused(mistral: Settings) -> None:
    wrong = {"type": "json_schema", "json_schema": {"schema": {"type": "nothing"}}}

    with pytest.raises(InvalidSchema, match="bbox_annotation_format"):
        wanted(mistral, bbox_annotation_format=wrong)


def test_a_format_of_text_asks_for_no_fields(mistral: Settings) -> None:
    found = wanted(mistral, document_annotation_format={"type": "text"})

    assert found.fields["schema"] is None


def test_half_of_a_character_in_a_schema_is_refused(mistral: Settings) -> None:
    schema = {"type": "object", "properties": {"half \ud83d": {"type": "number"}}}
    sent = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    with pytest.raises(InvalidField, match="document_annotation_format"):
        wanted(mistral, document_annotation_format=sent)
