"""`/v1/ocr` and `/v1/models`: as the clients of Mistral use them."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from mistralai.client import models
from sqlalchemy import func, select

from ilios.api.dialects.mistral import error_shape, model_objects, ocr_schemas, routes
from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, Job
from tests.integration.api.dialects.test_mistral_files import upload
from tests.support.api_callers import Caller
from tests.support.api_fixtures import KEY
from tests.support.api_working import IMAGE, InTestWorker
from tests.support.waiting import wait_until

UNKNOWN_ID = "z" * 24
TEXT = b"one\ntwo\nthree"


def data_url(content: bytes = TEXT, media_type: str = "text/plain") -> str:
    return f"data:{media_type};base64,{b64encode(content).decode()}"


def of_url(url: str, **more: str) -> dict[str, Any]:
    return {"type": "document_url", "document_url": url, **more}


def ask(caller: Caller, document: Any, **options: Any) -> Any:
    body = {"model": "mistral-ocr-latest", "document": document, **options}
    return caller.post("/v1/ocr", json=body)


def read(caller: Caller, worker: InTestWorker, document: Any, **options: Any) -> dict[str, Any]:
    with worker.running():
        answer = ask(caller, document, **options)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    models.OCRResponse.model_validate(body)
    return body


def texts(body: dict[str, Any]) -> list[tuple[int, str]]:
    return [(page["index"], page["markdown"]) for page in body["pages"]]


def test_a_data_url_is_read(anna: Caller, worker: InTestWorker, settings: Settings) -> None:
    body = read(anna, worker, of_url(data_url(), document_name="a.txt"))

    assert texts(body) == [(0, "one"), (1, "two"), (2, "three")]
    assert body["model"] == "test-model"
    assert body["usage_info"] == {"pages_processed": 3, "doc_size_bytes": len(TEXT)}
    assert body["warnings"] == []
    assert set(ocr_schemas.ANSWER["required"]) <= body.keys()
    assert list(data_folder.uploads(settings).iterdir()) == []


@pytest.mark.parametrize(
    "document",
    [
        {"type": "image_url", "image_url": data_url()},
        {"type": "image_url", "image_url": {"url": data_url(), "detail": "auto"}},
        {"document_url": data_url(), "document_name": None, "type": "document_url"},
    ],
)
def test_a_document_comes_in_each_spelling(
    anna: Caller, worker: InTestWorker, document: dict[str, Any]
) -> None:
    assert texts(read(anna, worker, document))[0] == (0, "one")


def test_a_long_data_url_is_read(anna: Caller, worker: InTestWorker) -> None:
    line = b"x" * 99

    body = read(anna, worker, of_url(data_url(b"\n".join([line] * 1500))))

    assert body["usage_info"]["pages_processed"] == 1500


@pytest.mark.parametrize("host", ["", "http://localhost", "https://elsewhere.example/base"])
def test_a_link_of_ours_is_resolved_whatever_its_host(
    anna: Caller, worker: InTestWorker, host: str
) -> None:
    file_id = upload(anna, TEXT)["id"]
    url = anna.get(f"/v1/files/{file_id}/url?expiry=1").get_json()["url"]
    path = url[url.index("/objects/") :]

    assert len(texts(read(anna, worker, of_url(host + path)))) == 3


def test_an_uploaded_file_is_read_by_its_id(anna: Caller, worker: InTestWorker) -> None:
    file_id = upload(anna, TEXT)["id"]

    for document in ({"type": "file", "file_id": file_id}, {"file_id": file_id}):
        assert len(texts(read(anna, worker, document))) == 3
    assert anna.call("DELETE", f"/v1/files/{file_id}").status_code == 200
    assert ask(anna, {"file_id": file_id}).status_code == 404


@pytest.mark.parametrize("pages", [[0, 2], "0,2", ["0", "2-2"]])
def test_pages_count_from_0(anna: Caller, worker: InTestWorker, pages: Any) -> None:
    body = read(anna, worker, of_url(data_url()), pages=pages)

    assert [text for _, text in texts(body)] == ["one", "three"]


def test_images_come_with_their_bytes_if_wanted(anna: Caller, worker: InTestWorker) -> None:
    document = of_url(data_url(b"![a figure](figure.png)"))

    (with_bytes,) = read(anna, worker, document, include_image_base64=True)["pages"]
    (without,) = read(anna, worker, document)["pages"]

    expected = f"data:image/png;base64,{b64encode(IMAGE).decode()}"
    assert [image["image_base64"] for image in with_bytes["images"]] == [expected]
    assert [(image["id"], image["image_base64"]) for image in without["images"]] == [
        ("figure.png", None)
    ]


def test_a_page_without_blocks_is_one(anna: Caller, worker: InTestWorker) -> None:
    body = read(anna, worker, of_url(data_url(b"one")), include_blocks=True)

    (block,) = body["pages"][0]["blocks"]
    assert (block["type"], block["content"]) == ("text", "one")
    assert "blocks" not in read(anna, worker, of_url(data_url(b"one")))["pages"][0]


def test_options_without_effect_are_noted(anna: Caller, worker: InTestWorker) -> None:
    body = read(anna, worker, of_url(data_url()), surprise=1, image_limit=0, extract_header=True)

    (note,) = body["warnings"]
    assert note["code"] == "options_ignored"
    assert "surprise" in note["message"]
    assert "extract_header" in note["message"]
    assert "image_limit" not in note["message"]


def test_a_repeat_joins_the_conversion_under_way(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(anna, of_url(data_url()))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: _count(database, Document) == 2, timeout_s=60)
    with worker.running():
        for thread in threads:
            thread.join()

    assert [texts(answer.get_json())[0] for answer in answers] == [(0, "one")] * 2
    assert _count(database, Job) == 1


def test_a_wait_that_ends_first_is_to_be_repeated(
    make_app: Callable[[Settings], Flask], api_settings: Settings
) -> None:
    hasty = api_settings.model_copy(update={"convert_wait_seconds": 1})

    answer = ask(Caller(make_app(hasty).test_client(), KEY), of_url(data_url()))

    assert (answer.status_code, answer.get_json()["code"]) == (504, "still_running")


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"fail: document", "encrypted_document"), (b"fail: engine", "engine_failed")],
)
def test_a_final_failure_is_not_to_be_repeated(
    anna: Caller, worker: InTestWorker, content: bytes, code: str
) -> None:
    with worker.running():
        answer = ask(anna, of_url(data_url(content)))

    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    body = answer.get_json()
    assert (body["code"], body["object"]) == (code, "error")
    assert set(error_shape.SCHEMA["required"]) <= body.keys()


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        (None, 400, "invalid_document"),
        ("text", 400, "invalid_document"),
        ([], 400, "invalid_document"),
        ({}, 400, "invalid_document"),
        ({"file_id": 7}, 400, "invalid_document"),
        ({"file_id": UNKNOWN_ID}, 404, "file_not_found"),
        ({"file_id": "x" * 9999}, 404, "file_not_found"),
        (of_url("https://10.0.0.1/a.pdf"), 422, "url_not_allowed"),
        (of_url("http://[::1"), 422, "url_not_allowed"),
        (of_url(b64encode(b"%PDF-1.7 and so on").decode()), 400, "invalid_document"),
        (of_url("file:///etc/passwd"), 422, "url_not_allowed"),
        (of_url("http://localhost/objects/a/b"), 422, "url_not_allowed"),
        (of_url("http://x/objects/forged"), 404, "link_invalid"),
        (of_url("data:text/plain;base64,%%%"), 400, "invalid_document"),
        (of_url("data:text/plain,plain"), 400, "invalid_document"),
        (of_url("data:text/plain;base64,"), 400, "empty_file"),
        (of_url(data_url(b"\x7fELF" + bytes(200))), 415, "unsupported_type"),
    ],
)
def test_what_is_no_document_is_refused(
    anna: Caller, document: Any, status: int, code: str, nothing_is_kept: Callable[[], None]
) -> None:
    answer = ask(anna, document)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert "secret" not in answer.text
    nothing_is_kept()


@pytest.mark.parametrize(
    ("body", "code"),
    [("", "malformed_request"), ("[]", "malformed_request"), ('{"a": NaN}', "malformed_request")],
)
def test_what_is_no_object_is_refused(anna: Caller, body: str, code: str) -> None:
    answer = anna.post("/v1/ocr", data=body, content_type="application/json")

    assert (answer.status_code, answer.get_json()["code"]) == (400, code)


def test_fields_by_a_schema_are_refused_without_mistral(anna: Caller) -> None:
    wanted = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}

    answer = ask(anna, of_url(data_url()), document_annotation_format=wanted)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "option_unavailable")


def test_files_and_links_of_another_key_are_unknown(anna: Caller, bert: Caller) -> None:
    file_id = upload(anna, TEXT)["id"]
    url = anna.get(f"/v1/files/{file_id}/url").get_json()["url"]

    by_id, by_link = ask(bert, {"file_id": file_id}), ask(bert, of_url(url))

    assert (by_id.status_code, by_id.get_json()["code"]) == (404, "file_not_found")
    assert (by_link.status_code, by_link.get_json()["code"]) == (404, "link_invalid")


def test_a_spent_quota_says_so(
    make_app: Callable[[Settings], Flask], api_settings: Settings
) -> None:
    small = api_settings.model_copy(update={"key_storage_bytes": 100})

    answer = ask(Caller(make_app(small).test_client(), KEY), of_url(data_url()))

    assert (answer.status_code, answer.get_json()["code"]) == (402, "storage_quota_exceeded")


def test_a_wrong_key_is_told_in_the_same_shape(nobody: Caller) -> None:
    answer = ask(nobody, of_url(data_url()))

    assert answer.status_code == 401
    assert "unauthorized" in answer.get_json()["message"]


def test_the_sdk_reads_the_models(anna: Caller) -> None:
    listed = anna.get("/v1/models").get_json()

    read_models = models.ModelList.model_validate(listed)
    assert read_models.data is not None
    assert [model.id for model in read_models.data if isinstance(model, models.BaseModelCard)] == [
        "embedded",
        "mistral-ocr-latest",
    ]
    assert model_objects.LIST_SCHEMA["required"] == list(listed)


def test_the_blueprints_are_those_of_the_paths() -> None:
    paths = [path for blueprint in routes.BLUEPRINTS for path in blueprint.paths]
    assert paths == ["/v1/ocr", "/v1/models", "/v1/files", "/v1/batch/jobs"]


def _count(database: Database, table: type[Document | Job]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0
