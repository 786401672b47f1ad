"""`/v1/files`: as the clients of Mistral use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from mistralai.client import models

from ilios.api.dialects.blueprint import OPAQUE
from ilios.api.dialects.mistral import file_objects
from ilios.core import clock
from ilios.core.settings import Settings
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY

UNKNOWN_ID = "z" * 24
CONTENT = b"%PDF-1.7 or so"


def upload(caller: Caller, content: bytes = CONTENT, **fields: str) -> dict[str, Any]:
    form = {"visibility": "workspace", "purpose": "ocr", **fields, "file": file(content, "a.pdf")}
    answer = caller.post("/v1/files", form)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def test_the_sdk_reads_what_is_answered(anna: Caller) -> None:
    made = upload(anna)

    models.CreateFileResponse.model_validate(made)
    shown = anna.get(f"/v1/files/{made['id']}").get_json()
    models.GetFileResponse.model_validate(shown)
    listed = anna.get("/v1/files?page=0&page_size=100&include_total=true").get_json()
    models.ListFilesResponse.model_validate(listed)
    url = anna.get(f"/v1/files/{made['id']}/url?expiry=24").get_json()
    models.GetSignedURLResponse.model_validate(url)
    deleted = anna.call("DELETE", f"/v1/files/{made['id']}").get_json()
    models.DeleteFileResponse.model_validate(deleted)


def test_a_file_is_shown_as_it_was_sent(anna: Caller) -> None:
    made = upload(anna)

    assert (made["filename"], made["bytes"], made["object"]) == ("a.pdf", len(CONTENT), "file")
    assert made["warnings"] == []
    assert set(file_objects.SCHEMA["required"]) <= made.keys()
    shown = anna.get(f"/v1/files/{made['id']}").get_json()
    assert {**made, "deleted": False} == {**shown, "warnings": []}
    (listed,) = anna.get("/v1/files").get_json()["data"]
    assert listed == {name: made[name] for name in listed}
    content = anna.get(f"/v1/files/{made['id']}/content")
    assert (content.data, content.mimetype) == (CONTENT, OPAQUE)


def test_a_link_gives_the_bytes_to_its_bearer(anna: Caller, nobody: Caller) -> None:
    made = upload(anna)

    url = anna.get(f"/v1/files/{made['id']}/url?expiry=1").get_json()["url"]

    assert nobody.get(urlsplit(url).path).data == CONTENT
    anna.call("DELETE", f"/v1/files/{made['id']}")
    assert nobody.get(urlsplit(url).path).status_code == 404


def test_a_deleted_file_is_gone(anna: Caller, stored_files: Callable[[], list[Path]]) -> None:
    made = upload(anna)

    assert anna.call("DELETE", f"/v1/files/{made['id']}").get_json()["deleted"] is True

    assert stored_files() == []
    for method, path in (("GET", ""), ("GET", "/content"), ("GET", "/url"), ("DELETE", "")):
        answer = anna.call(method, f"/v1/files/{made['id']}{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "file_not_found")


def test_a_file_is_invisible_to_other_keys(anna: Caller, bert: Caller) -> None:
    made = upload(anna)

    for method, path in (("GET", ""), ("GET", "/content"), ("GET", "/url"), ("DELETE", "")):
        answer = bert.call(method, f"/v1/files/{made['id']}{path}")
        unknown = bert.call(method, f"/v1/files/{UNKNOWN_ID}{path}")
        assert answer.status_code == unknown.status_code == 404
        assert answer.get_json()["detail"] == unknown.get_json()["detail"]
    assert bert.get("/v1/files").get_json() == {"data": [], "object": "list", "total": 0}


def test_lists_have_pages(anna: Caller) -> None:
    made = [upload(anna)["id"] for _ in range(3)]

    page = anna.get("/v1/files?page=1&page_size=2&purpose=ocr").get_json()

    assert ([one["id"] for one in page["data"]], page["total"]) == ([made[0]], 3)
    assert anna.get("/v1/files?purpose=batch").get_json()["total"] == 0


@pytest.mark.parametrize("query", ["page=-1", "page_size=0", "page=007x", "page_size=1e99"])
def test_wrong_pages_of_a_list_are_refused(anna: Caller, query: str) -> None:
    assert anna.get(f"/v1/files?{query}").status_code == 400


def test_a_file_says_when_it_ends(anna: Caller) -> None:
    now = int(clock.now().timestamp())

    short, usual, long = upload(anna, expiry="1"), upload(anna), upload(anna, expiry="9999")

    ends = [round((one["expires_at"] - now) / 3600) for one in (short, usual, long)]
    assert ends == [1, 24, 168]
    assert [one["code"] for one in long["warnings"]] == ["options_ignored"]


def test_unknown_fields_are_noted(anna: Caller) -> None:
    (note,) = upload(anna, surprise="1")["warnings"]
    assert "surprise" in note["message"]


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"purpose": "ocr"}, 400, "missing_file"),
        ({"purpose": "fine-tune", "file": file()}, 400, "invalid_purpose"),
        ({"purpose": "ocr", "expiry": "0", "file": file()}, 400, "invalid_expiry"),
        ({"purpose": "ocr", "expiry": "9" * 30, "file": file()}, 400, "invalid_expiry"),
        ({"purpose": "ocr", "file": file(b"")}, 400, "empty_file"),
        ({"purpose": "ocr", "file": file(bytes(300 * 1024))}, 413, "file_too_large"),
    ],
)
def test_refusals_have_the_shape_of_mistral(
    anna: Caller, form: dict[str, Any], status: int, code: str,
    nothing_is_kept: Callable[[], None],
) -> None:  # fmt: skip
    answer = anna.post("/v1/files", form)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    body = answer.get_json()
    assert body["code"] == code
    assert isinstance(body["detail"], str)
    assert code in body["message"]
    nothing_is_kept()


def test_a_key_is_needed(nobody: Caller) -> None:
    answer = nobody.get("/v1/files")

    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthorized")
    assert answer.get_json()["message"]


def test_quotas_hold(make_app: Callable[[Settings], Flask], api_settings: Settings) -> None:
    small = api_settings.model_copy(update={"key_storage_bytes": 100})
    caller = Caller(make_app(small).test_client(), KEY)

    answer = caller.post("/v1/files", {"purpose": "ocr", "file": file()})

    assert (answer.status_code, answer.get_json()["code"]) == (402, "storage_quota_exceeded")


def test_a_file_is_no_upload_to_be_completed(anna: Caller) -> None:
    made = upload(anna)

    answer = anna.post(f"/api/documents/upload-complete/{made['id']}")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "upload_already_completed")
