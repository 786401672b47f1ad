"""Schemas through HTTP: sent as fields or files, refused with the place, and their results."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document
from ilios.documents import extractions
from ilios.engines.mistral.engine import MistralEngine
from tests.contract.problems import BATCH, CONVERT, ESTIMATE, FORMS, SUBMIT, assert_problem
from tests.integration.api.test_partial_results import lack
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import jpeg, pdf
from tests.support import batching
from tests.support.annotating import IMAGE_SCHEMA, SCHEMA, MistralWorker
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY

TWO_PAGES = pdf("Page 1", "Page 2", image=jpeg())
SPACED = json.dumps(json.loads(SCHEMA), indent=2)


@pytest.fixture(scope="module")
def provider() -> Iterator[MistralServer]:
    with MistralServer() as server:
        yield server


@pytest.fixture
def paying_settings(api_settings: Settings, provider: MistralServer) -> Settings:
    provider.reset()
    return batching.pointing_at(api_settings, provider, convert_wait_seconds=0)


@pytest.fixture
def paying(make_app: Callable[[Settings], Flask], paying_settings: Settings) -> Caller:
    """Make a caller of a service whose engine is Mistral."""
    return Caller(make_app(paying_settings).test_client(), KEY)


@pytest.fixture
def work(paying_settings: Settings, database: Database) -> Iterator[Callable[[], None]]:
    engine = MistralEngine(paying_settings, "instance0of0these0tests0")
    yield MistralWorker(paying_settings, database, engine).work
    engine.close()


def form(path: str, **fields: Any) -> dict[str, Any]:
    return {"files" if path == BATCH else "file": file(TWO_PAGES, "a.pdf"), **fields}


def asked(database: Database) -> list[tuple[str | None, str | None, str | None]]:
    """Return the texts of all documents."""
    found = []
    with database.reading() as session:
        for document in session.scalars(select(Document).order_by(Document.created_at)):
            extraction = extractions.asked_now(session, document).extraction
            assert extraction is not None
            assert extraction.texts is not None
            texts = extraction.texts
            found.append((texts.schema, texts.image_schema, texts.instructions))
    return found


@pytest.mark.parametrize("path", [SUBMIT, BATCH, CONVERT])
def test_schemas_come_as_fields_or_as_files(paying: Caller, database: Database, path: str) -> None:
    as_fields = {"schema": SPACED, "imageSchema": IMAGE_SCHEMA, "instructions": "In euros."}
    as_files = {
        "schema": file(b"\xef\xbb\xbf" + SPACED.encode(), "schema.json"),
        "imageSchema": file(IMAGE_SCHEMA.encode(), "image.json"),
        "instructions": "In euros.",
    }
    for fields in (as_fields, as_files):
        answer = paying.post(path, form(path, cache="false", **fields))
        assert answer.status_code in (202, 504), answer.text

    assert asked(database) == [(SCHEMA, IMAGE_SCHEMA, "In euros.")] * 2


def test_a_schema_as_a_file_is_no_document_of_a_batch(paying: Caller, database: Database) -> None:
    sent = {
        "files": [file(pdf(f"Document {n}"), f"{n}.pdf") for n in range(100)],
        "schema": file(SCHEMA.encode(), "schema.json"),
    }

    answer = paying.post(BATCH, sent)

    assert answer.status_code == 202, answer.text
    assert answer.get_json()["totalDocuments"] == 100
    assert asked(database) == [(SCHEMA, None, None)] * 100


@pytest.mark.parametrize("field", ["schema", "imageSchema"])
@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("{", "", "no JSON"),
        ('{"properties": {"a": {"type": 5}}}', "/properties/a/type", "5"),
        ('{"$ref": "http://127.0.0.1/"}', "/$ref", "itself alone"),
        ('{"not": {"$ref": "#"}}', "/not/$ref", "in a circle"),
        ("{" + " " * 70_000 + "}", "", "may have 65,536"),
        ('{"not":' * 40 + "{}" + "}" * 40, "/not" * 32, "more than 32 deep"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_the_place(
    paying: Caller, nothing_is_kept: Callable[[], None], field: str, text: str, path: str,
    words: str,
) -> None:  # fmt: skip
    for target in FORMS:
        for sent in (text, file(text.encode(), "schema.json")):
            answer = paying.post(target, form(target, **{field: sent}))
            assert_problem(answer, 422, "invalid_schema", field, words)
            assert answer.get_json()["path"] == path
    nothing_is_kept()


@pytest.mark.parametrize(
    ("fields", "status", "code", "words"),
    [
        ({"schema": "{" + " " * 140_000 + "}"}, 413, "file_too_large", "131072"),
        ({"instructions": "In euros."}, 422, "option_unavailable", "`schema`"),
        (
            {"instructions": "In euros.", "imageSchema": "{}"},
            422,
            "option_unavailable",
            "`schema`",
        ),
        ({"schema": "{}", "instructions": ""}, 400, "invalid_instructions", "1 to 8,192"),
        ({"schema": "{}", "instructions": "x" * 8193}, 400, "invalid_instructions", "1 to 8,192"),
        ({"schema": "{}", "instructions": "\0"}, 400, "invalid_instructions", "NUL"),
    ],
)
def test_what_does_not_go_together_is_refused(
    paying: Caller, nothing_is_kept: Callable[[], None], fields: dict[str, str], status: int,
    code: str, words: str,
) -> None:  # fmt: skip
    for path in FORMS:
        assert_problem(paying.post(path, form(path, **fields)), status, code, words)
    nothing_is_kept()


def test_images_without_images_are_refused(paying: Caller) -> None:
    answer = paying.post(SUBMIT, form(SUBMIT, imageSchema="{}", includeImages="false"))

    assert_problem(answer, 422, "option_unavailable", "includeImages=false")


def test_what_mistral_does_not_read_has_no_fields(paying: Caller) -> None:
    sent = {"file": file(b"# Title", "a.md"), "schema": "{}"}

    assert_problem(paying.post(SUBMIT, sent), 422, "option_unavailable", "a.md is text/markdown")


def test_a_result_has_the_extraction_and_the_annotations(
    paying: Caller, work: Callable[[], None]
) -> None:
    sent = form(SUBMIT, schema=SCHEMA, imageSchema=IMAGE_SCHEMA)
    document_id = paying.post(SUBMIT, sent).get_json()["id"]
    work()

    result = paying.get(f"/api/documents/{document_id}?format=json").get_json()

    assert result["extraction"] == {"total": 0.0}
    annotations = [image["annotation"] for page in result["pages"] for image in page["images"]]
    assert annotations == [{"caption": ""}] * 2
    assert result["warnings"] == []
    assert result["usage"]["costUsd"] == 2 * 0.005


def test_the_lines_of_a_batch_have_the_extractions(
    paying: Caller, work: Callable[[], None]
) -> None:
    sent = {"files": [file(TWO_PAGES, "a.pdf"), file(pdf("Another"), "b.pdf")], "schema": SCHEMA}
    batch_id = paying.post(BATCH, sent).get_json()["batchId"]
    work()

    lines = paying.get(f"/v1/batch/download/{batch_id}").text.splitlines()

    assert [json.loads(line)["extraction"] for line in lines] == [{"total": 0.0}] * 2


@pytest.mark.parametrize(
    ("annotations", "shown"),
    [("unfitting", ["not", "what", "was", "asked", "for"]), ("broken", '{"half": ')],
)
def test_what_does_not_fit_is_shown_as_it_came(
    paying: Caller, work: Callable[[], None], provider: MistralServer, annotations: str,
    shown: object,
) -> None:  # fmt: skip
    provider.control(annotations=annotations)
    document_id = paying.post(SUBMIT, form(SUBMIT, schema=SCHEMA)).get_json()["id"]
    work()

    result = paying.get(f"/api/documents/{document_id}?format=json").get_json()

    assert result["extraction"] == shown
    assert [warning["code"] for warning in result["warnings"]] == ["schema_mismatch"]
    assert paying.get(f"/api/documents/{document_id}").status_code == 200


def test_the_lines_of_a_batch_tell_what_is_missing_or_does_not_fit(
    paying: Caller, work: Callable[[], None], provider: MistralServer, database: Database
) -> None:
    provider.control(annotations="unfitting")
    sent = {"files": [file(TWO_PAGES, "a.pdf")], "schema": SCHEMA, "allowPartial": "true"}
    batch_id = paying.post(BATCH, sent).get_json()["batchId"]
    work()
    path = f"/v1/batch/download/{batch_id}"
    lack(database, json.loads(paying.get(path).text)["id"], (2, 2, "refused_by_provider"))

    line = json.loads(paying.get(path).text)

    assert line["partial"] is True
    assert line["failedPages"] == [{"number": 3, "code": "refused_by_provider"}]
    codes = [warning["code"] for warning in line["warnings"]]
    assert codes == ["partial_result", "schema_mismatch"]


def test_without_a_schema_the_extraction_is_null(paying: Caller, work: Callable[[], None]) -> None:
    document_id = paying.post(SUBMIT, form(SUBMIT)).get_json()["id"]
    work()

    result = paying.get(f"/api/documents/{document_id}?format=json").get_json()

    assert result["extraction"] is None


@pytest.mark.parametrize(
    ("fields", "micros"),
    [
        ({}, 2 * 4_000),
        ({"schema": SCHEMA}, 2 * 5_000),
        ({"imageSchema": IMAGE_SCHEMA, "pages": "2"}, 5_000),
        ({"schema": SCHEMA, "useMistralBatch": "true"}, 5_000),
    ],
)
def test_an_estimate_is_at_the_price_of_what_is_asked(
    paying: Caller, fields: dict[str, str], micros: int
) -> None:
    answer = paying.post(ESTIMATE, form(ESTIMATE, **fields))

    assert answer.get_json()["costMicros"] == micros


def test_a_budget_is_spent_at_the_annotated_price(paying: Caller) -> None:
    sent = form(SUBMIT, schema=SCHEMA, maxCostUsd="0.0049")

    assert_problem(paying.post(SUBMIT, sent), 422, "cost_above_limit", "$0.005")
    del sent["schema"]
    assert paying.post(SUBMIT, {**sent, "file": file(TWO_PAGES, "a.pdf")}).status_code == 202
