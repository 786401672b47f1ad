"""What a form asks for reaches the document, in the words of the engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, ProviderBatch
from ilios.documents.options import options_of
from ilios.engines.base import Options
from ilios.engines.page_selection import PageSelection
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY

PDF = b"%PDF-1.7\n%%EOF"


@pytest.fixture
def paying(make_app: Callable[[Settings], Flask], api_settings: Settings) -> Caller:
    """Make a caller of a service whose engine is Mistral."""
    mistral = api_settings.model_copy(
        update={"ocr_engine": "mistral", "price_book": "house-model=2/3", "ocr_model": "newest"}
    )
    return Caller(make_app(mistral).test_client(), KEY)


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, Options()),
        ({"pages": "1-3,7"}, Options(pages=PageSelection(((1, 3), (7, 7))))),
        ({"includeImages": "true"}, Options(include_images=True)),
        ({"tableFormat": "html"}, Options(table_format="html")),
        (
            {"extractHeader": "true", "extractFooter": "true"},
            Options(None, None, None, None, True, True),
        ),
        ({"include": "blocks"}, Options(include_blocks=True)),
        ({"confidence": "word"}, Options(confidence="word")),
        (
            {"imageLimit": "0", "imageMinSize": "50"},
            Options(image_limit=0, image_min_size=50),
        ),
        ({"model": "mistral-ocr-2512"}, Options(model="mistral-ocr-2512")),
        ({"model": "house-model"}, Options(model="house-model")),
        ({"model": "newest"}, Options(model="newest")),
        ({"model": "default"}, Options()),
        ({"model": "mistral-small-latest"}, Options()),
    ],
)
def test_options_are_kept_with_the_document(
    paying: Caller, database: Database, fields: dict[str, str], options: Options
) -> None:
    answer = paying.post("/api/documents/submit", {"file": file(PDF, "a.pdf"), **fields})

    assert answer.status_code == 202, answer.text
    with database.reading() as session:
        assert options_of(session.scalars(select(Document)).one()) == options


@pytest.mark.parametrize(
    "fields", [{"include": "blocks"}, {"confidence": "page"}, {"imageLimit": "1"}]
)
def test_what_changes_the_question_to_the_provider_is_answered_by_itself_alone(
    paying: Caller, fields: dict[str, str]
) -> None:
    def submit(**asked: str) -> bool:
        form = {"file": file(PDF, "a.pdf"), **asked}
        is_cached: bool = paying.post("/api/documents/submit", form).get_json()["cached"]
        return is_cached

    cached = [submit(), submit(**fields), submit(**fields), submit()]

    assert cached == [False, False, True, True]


def test_what_the_embedded_engine_does_anyway_is_answered_by_one_conversion(
    anna: Caller, database: Database
) -> None:
    forms = [{}, {"include": "blocks"}, {"confidence": "page"}, {"confidence": "block"}]
    answers = [anna.post("/api/documents/submit", {"file": file(), **form}) for form in forms]

    assert [answer.get_json()["cached"] for answer in answers] == [False, True, True, True]
    with database.reading() as session:
        assert set(map(str, session.scalars(select(Document.options)))) == {"{}"}


def test_images_are_left_out_unless_they_are_asked_for(paying: Caller, database: Database) -> None:
    for fields in ({}, {"includeImages": "false"}):
        paying.post("/api/documents/submit", {"file": file(PDF, "a.pdf"), **fields})

    with database.reading() as session:
        stored = [options_of(document) for document in session.scalars(select(Document))]
    assert [bool(options.include_images) for options in stored] == [False, False]


def test_a_batch_in_mistrals_lane_shows_mistrals_job(paying: Caller, database: Database) -> None:
    form: dict[str, Any] = {"files": [file(PDF, "a.pdf")], "useMistralBatch": "true"}
    batch_id = paying.post("/v1/batch/submit", form).get_json()["batchId"]

    before = paying.get(f"/v1/batch/status/{batch_id}").get_json()
    with database.writing() as session:
        provider_batch = session.scalars(select(ProviderBatch)).one()
        provider_batch.provider_job_id, provider_batch.provider_status = "job-1", "RUNNING"
    after = paying.get(f"/v1/batch/status/{batch_id}").get_json()

    assert not {"mistralBatchJobId", "mistralStatus"} & set(before)
    assert (after["mistralBatchJobId"], after["mistralStatus"]) == ("job-1", "RUNNING")
