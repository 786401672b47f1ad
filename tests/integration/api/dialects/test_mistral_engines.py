"""What both engines make of a document, as clients of Mistral see it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from mistralai.client import models

from ilios.api.dialects.mistral import ocr_answer
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.engines import registry
from ilios.storage.base import ObjectStore
from tests.mistral_server.process import MistralServer
from tests.support.api_callers import Caller
from tests.support.api_fixtures import KEY
from tests.support.converting import converting
from tests.support.forking import REPOSITORY

INVOICE = (REPOSITORY / "samples" / "invoice.pdf").read_bytes()
Read = Callable[..., dict[str, Any]]
CORNERS = ("top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y")


@pytest.fixture
def read(
    make_app: Callable[[Settings], Flask],
    engine_settings: Settings,
    database: Database,
    store: ObjectStore,
) -> Read:
    """Convert the invoice with these options; returns the answer."""
    anna = Caller(make_app(engine_settings).test_client(), KEY)
    url = f"data:application/pdf;base64,{b64encode(INVOICE).decode()}"

    def read(**options: Any) -> dict[str, Any]:
        document = {"type": "document_url", "document_url": url}
        body = {"model": "mistral-ocr-latest", "document": document, **options}
        with converting(engine_settings, database, store):
            answer = anna.post("/v1/ocr", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        models.OCRResponse.model_validate(found)
        return found

    return read


def test_each_engine_says_its_name(read: Read, engine_settings: Settings) -> None:
    body = read()

    is_embedded = engine_settings.engine_name == registry.EMBEDDED
    assert (body["model"] == registry.EMBEDDED) is is_embedded
    assert body["usage_info"]["pages_processed"] == len(body["pages"]) == 1


def test_blocks_lie_on_their_page_and_hold_its_text(read: Read) -> None:
    (page,) = read(include_blocks=True)["pages"]

    width, height = page["dimensions"]["width"], page["dimensions"]["height"]
    assert len(page["blocks"]) >= 3
    for block in page["blocks"]:
        left, top, right, bottom = (block[corner] for corner in CORNERS)
        assert 0 <= left <= right <= width
        assert 0 <= top <= bottom <= height
    words = " ".join(block["content"] for block in page["blocks"]).split()
    assert sorted(words) == sorted(page["markdown"].split())


def test_sizes_are_those_of_the_page_at_its_resolution(read: Read) -> None:
    (page,) = read()["pages"]

    dimensions = page["dimensions"]
    inches = [dimensions[side] / dimensions["dpi"] for side in ("width", "height")]
    assert inches == pytest.approx([8.27, 11.69], abs=0.02)
    assert dimensions["dpi"] == ocr_answer.DPI


@pytest.mark.parametrize("granularity", ["page", "block"])
def test_scores_come_if_they_are_wanted(read: Read, granularity: str) -> None:
    (page,) = read(confidence_scores_granularity=granularity, include_blocks=True)["pages"]

    assert 0 < page["confidence_scores"]["average_page_confidence_score"] <= 1
    assert ("confidence_scores" in page["blocks"][0]) is (granularity == "block")
    assert "confidence_scores" not in read(include_blocks=True)["pages"][0]


def test_tables_stand_apart_if_their_format_is_named(read: Read) -> None:
    (inside,) = read()["pages"]
    (apart,) = read(table_format="markdown", include_blocks=True)["pages"]

    assert inside["tables"] == []
    names = [f"tbl-{number}.md" for number in range(len(apart["tables"]))]
    assert [table["id"] for table in apart["tables"]] == names
    written = apart["markdown"]
    for table in apart["tables"]:
        assert written.count(f"[{table['id']}]({table['id']})") == 1
        written = written.replace(f"[{table['id']}]({table['id']})", table["content"])
    assert written == inside["markdown"]
    ids = [block["table_id"] for block in apart["blocks"] if block["type"] == "table"]
    assert ids == names


def test_a_repeat_costs_nothing(read: Read, mistral_server: MistralServer) -> None:
    first, second = read(), read()

    assert first == second
    calls = [call for call in mistral_server.journal().calls if call.kind == "ocr"]
    assert len(calls) == (0 if first["model"] == registry.EMBEDDED else 1)
