"""What clients see of pages that the real engines have made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from flask import Flask

from ilios.api.schemas.page_responses import BlockSchema, PageSchema
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.documents import results
from ilios.engines import registry
from ilios.queue import jobs
from ilios.storage.base import ObjectStore
from tests.support import working
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.forking import REPOSITORY

INVOICE = REPOSITORY / "samples" / "invoice.pdf"
Convert = Callable[..., dict[str, Any]]


@pytest.fixture
def convert(
    make_app: Callable[[Settings], Flask],
    engine_settings: Settings,
    database: Database,
    store: ObjectStore,
) -> Convert:
    """Convert a document with these fields; returns its result as JSON, with blocks."""
    anna = Caller(make_app(engine_settings).test_client(), KEY)

    def convert(**fields: str) -> dict[str, Any]:
        form = {"file": file(INVOICE.read_bytes(), "invoice.pdf"), **fields}
        document_id = anna.post("/api/documents/submit", form).get_json()["id"]
        work(engine_settings, database, store)
        found: dict[str, Any] = anna.get(
            f"/api/documents/{document_id}?format=json&include=blocks"
        ).get_json()
        return found

    return convert


def work(settings: Settings, database: Database, store: ObjectStore) -> None:
    """Convert the document that waits with the engine of the settings."""
    lane = settings.engine_name
    with database.writing() as session:
        lease = jobs.claim(session, lane, "node/worker-0", clock.now())
        assert lease is not None
        results.begin(session, lease.job_id, clock.now())
    with closing(registry.open_engines(settings, "test")[lane]) as engine:
        working.converter(
            settings, database, store, engine, lane=lane, pricing=settings.pricing
        ).run(lease)


def keys(schema: PageSchema | BlockSchema) -> set[str]:
    return {str(field.data_key) for field in schema.fields.values()}


def test_each_engine_has_every_field(convert: Convert, engine_settings: Settings) -> None:
    body = convert()

    (page,) = body["pages"]
    assert set(page) == keys(PageSchema()) - {"words"}
    assert page["engine"] == engine_settings.engine_name
    assert page["markdown"] == body["content"]
    assert (page["unit"], page["number"]) == (_unit(page), 1)
    assert page["width"] > 0 < page["height"]


def test_the_words_of_blocks_are_those_of_the_page(convert: Convert) -> None:
    body = convert(include="blocks", confidence="block")

    (page,) = body["pages"]
    assert 0 < page["confidence"] <= 1
    assert len(page["blocks"]) >= 3
    assert all(set(block) == keys(BlockSchema()) for block in page["blocks"])
    texts = (_words(block["text"]) for block in page["blocks"])
    assert sum(texts, Counter()) == _words(page["markdown"])
    for left, top, right, bottom in filter(None, (block["bbox"] for block in page["blocks"])):
        assert 0 <= left < right <= page["width"]
        assert 0 <= top < bottom <= page["height"]
    assert body["warnings"] == []


def _unit(page: dict[str, Any]) -> str:
    return "point" if page["dpi"] is None else "pixel"


def _words(text: str) -> Counter[str]:
    return Counter(text.split())
