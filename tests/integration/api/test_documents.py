"""Queued documents: submit, status, result, original, images."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ilios.api.requests.body import BLOCK_BYTES
from ilios.api.responses import streaming
from tests.support.api_callers import Caller, file
from tests.support.api_working import IMAGE, InTestWorker

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_a_submitted_document_is_queued_and_leaves_no_temporary_file(
    anna: Caller, temporary_files: Callable[[], list[Path]]
) -> None:
    answer = anna.post(
        "/api/documents/submit", {"file": file(b"Hello", "../../a report.txt"), "priority": "7"}
    )

    assert answer.status_code == 202
    body = answer.get_json()
    assert body["status"] == "pending"
    assert body["fileName"] == "a report.txt"
    assert body["fileSize"] == 5
    assert body["retentionDays"] == 365
    assert body["cached"] is False
    assert "waits for its conversion" in body["message"]
    assert ISO.fullmatch(body["createdAt"])
    assert body["statusUrl"] == f"http://localhost/api/documents/status/{body['id']}"
    assert answer.headers["Location"] == body["statusUrl"]
    assert temporary_files() == []


def test_fields_of_a_document_may_say_what_is_the_default(anna: Caller) -> None:
    anna.submit(cache="false", model="mistral-small-latest", retentionDays="3650", pages="1-3, 7")
    anna.submit(
        cache="true", priority="10", includeImages="true", extractHeader="false",
        extractFooter="false", model="default",
    )  # fmt: skip


def test_the_status_of_a_waiting_document(anna: Caller) -> None:
    anna.submit(b"another")
    document_id = anna.submit()

    body = anna.get(f"/api/documents/status/{document_id}").get_json()

    assert body.pop("createdAt")
    assert body == {
        "id": document_id,
        "status": "pending",
        "cached": False,
        "fileName": "hello.txt",
        "fileSize": 5,
        "progress": 0,
        "pagesDone": 0,
        "pagesTotal": None,
        "attempts": 0,
        "queuePosition": 1,
        "warnings": [],
        "partial": False,
        "failedPages": [],
    }


def test_the_status_of_a_completed_document(anna: Caller, worker: InTestWorker) -> None:
    document_id = anna.submit(b"one\n-")
    worker.work()

    body = anna.get(f"/api/documents/status/{document_id}?wait=5").get_json()

    assert body["status"] == "completed"
    assert body["progress"] == 100
    assert (body["pagesDone"], body["pagesTotal"], body["attempts"]) == (2, 2, 1)
    assert body["downloadUrl"] == f"http://localhost/api/documents/{document_id}"
    assert body["warnings"] == [{"code": "empty_page", "message": "Empty.", "page": 2}]
    assert ISO.fullmatch(body["startedAt"])
    assert ISO.fullmatch(body["processedAt"])
    assert not {"queuePosition", "error", "errorCode"} & set(body)


def test_a_failed_document_says_why(anna: Caller, worker: InTestWorker) -> None:
    document_id = anna.submit(b"fail: document")
    worker.work()

    status = anna.get(f"/api/documents/status/{document_id}").get_json()
    result = anna.get(f"/api/documents/{document_id}")

    assert status["status"] == "failed"
    assert status["errorCode"] == "encrypted_document"
    assert "password" in status["error"]
    assert "downloadUrl" not in status
    assert result.status_code == 409
    assert result.get_json()["code"] == "document_failed"
    assert "password" in result.get_json()["detail"]
    assert "Retry-After" not in result.headers


def test_a_poll_returns_when_the_document_ends(anna: Caller, worker: InTestWorker) -> None:
    document_id = anna.submit()
    with worker.running():
        body = anna.get(f"/api/documents/status/{document_id}?wait=60").get_json()
    assert body["status"] == "completed"


def test_a_result_that_is_not_there_yet_is_to_be_asked_for_again(anna: Caller) -> None:
    answer = anna.get(f"/api/documents/{anna.submit()}")
    assert answer.status_code == 409
    assert answer.get_json()["code"] == "document_not_ready"
    assert int(answer.headers["Retry-After"]) > 0


@pytest.fixture
def completed(anna: Caller, worker: InTestWorker) -> str:
    """Convert a document of three pages, one with an image; return its id."""
    document_id = anna.submit("# Über\n![a figure](figure.png) ![x](other.png)\n**last**".encode())
    worker.work()
    return document_id


@pytest.mark.parametrize("form", ["markdown", "text", "json"])
def test_a_result_is_not_collected_before_it_is_sent(
    anna: Caller, completed: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short one has its length, a longer one none."""
    path = f"/api/documents/{completed}?format={form}"
    short = anna.get(path)
    monkeypatch.setattr(streaming, "COUNTED_MAX_BYTES", len(short.data) - 1)
    answer = anna.get(path)

    assert short.headers["Content-Length"] == str(len(short.data))
    assert (answer.status_code, answer.data) == (200, short.data)
    assert "Content-Length" not in answer.headers


def test_a_result_as_markdown_points_its_images_here(anna: Caller, completed: str) -> None:
    answer = anna.get(f"/api/documents/{completed}")

    image = f"/api/documents/{completed}/images/figure.png"
    assert answer.mimetype == "text/markdown"
    assert answer.text == (
        f"# Über\n\n---\n\n![a figure]({image}) ![x](other.png)\n\n---\n\n**last**"
    )
    assert anna.get(image).data == IMAGE


def test_a_result_as_text_has_no_markup(anna: Caller, completed: str) -> None:
    answer = anna.get(f"/api/documents/{completed}?format=text")
    assert answer.mimetype == "text/plain"
    assert answer.text == "Über\n\na figure x\n\nlast"


def test_a_result_as_json_holds_what_it_cost(anna: Caller, completed: str) -> None:
    answer = anna.get(f"/api/documents/{completed}?format=json")

    body = answer.get_json()
    assert list(body)[:2] == ["id", "content"]
    assert body["content"] == anna.get(f"/api/documents/{completed}").text
    assert body["metadata"].pop("processingTimeMs") >= 0
    assert body["metadata"] == {
        "model": "test-model",
        "extractedPages": 3,
        "fileName": "hello.txt",
        "fileSize": len("# Über\n![a figure](figure.png) ![x](other.png)\n**last**".encode()),
        "mimeType": "text/plain",
        "cached": False,
        "document": dict.fromkeys(body["metadata"]["document"]),
    }
    assert body["usage"].pop("total_tokens") == body["usage"].pop("completion_tokens")
    assert body["usage"] == {"prompt_tokens": 0, "pages": 3, "costUsd": 0.0039}
    assert body["downloadUrl"].endswith(f"/api/documents/{completed}")
    assert body["warnings"] == []


def test_some_pages_of_a_result(anna: Caller, completed: str) -> None:
    assert anna.get(f"/api/documents/{completed}?pages=3,1").text == "# Über\n\n---\n\n**last**"
    beyond = anna.get(f"/api/documents/{completed}?pages=4")
    assert beyond.status_code == 422
    assert beyond.get_json()["code"] == "pages_out_of_range"


def test_a_result_that_the_client_has_is_not_sent_again(anna: Caller, completed: str) -> None:
    path = f"/api/documents/{completed}"
    tags = {
        query: anna.get(path + query).headers["ETag"]
        for query in ("", "?format=json", "?format=text", "?pages=1")
    }
    assert len(set(tags.values())) == len(tags)
    again = anna.get(path, headers={"If-None-Match": tags[""]})
    assert again.status_code == 304
    assert again.data == b""
    assert again.headers["ETag"] == tags[""]
    assert anna.get(path, headers={"If-None-Match": tags["?pages=1"]}).status_code == 200
    assert anna.get(path, headers={"If-Match": tags[""]}).status_code == 200
    other = anna.get(path, headers={"If-Match": tags["?pages=1"]})
    assert (other.status_code, other.get_json()["code"]) == (412, "precondition_failed")


def test_a_status_is_sent_again_once_it_is_another(
    anna: Caller, bert: Caller, worker: InTestWorker
) -> None:
    path = f"/api/documents/status/{anna.submit()}"
    tag = anna.get(path).headers["ETag"]
    known = {"If-None-Match": tag}

    unchanged = anna.get(path, headers=known)
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    assert unchanged.headers["ETag"] == tag
    assert unchanged.headers["Cache-Control"] == "private, no-cache"
    assert bert.get(path, headers=known).status_code == 404
    worker.work()

    ended = anna.get(path, headers=known)
    assert ended.get_json()["status"] == "completed"
    assert ended.headers["ETag"] != tag
    refused = anna.get(path, headers={"If-Match": tag})
    assert (refused.status_code, refused.get_json()["code"]) == (412, "precondition_failed")


def test_the_original_is_served_as_an_attachment_through_a_link(
    anna: Caller, nobody: Caller
) -> None:
    document_id = anna.submit(b"<script>alert(1)</script>", 'né"w.html')

    redirect = anna.get(f"/api/documents/{document_id}/original")
    answer = nobody.get(redirect.headers["Location"])

    assert redirect.status_code == 302
    assert redirect.headers["Location"].startswith("http://localhost/objects/")
    assert answer.text == "<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert "filename*=UTF-8''n%C3%A9" in answer.headers["Content-Disposition"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_an_unknown_image_is_not_found(anna: Caller, completed: str) -> None:
    for name in ("other.png", "..", "%2e%2e%2fsource"):
        answer = anna.get(f"/api/documents/{completed}/images/{name}")
        assert answer.status_code == 404


def test_links_begin_with_the_public_url(make_public: Caller) -> None:
    answer = make_public.post("/api/documents/submit", {"file": file()})
    assert answer.get_json()["statusUrl"].startswith("https://ocr.example.com/api/documents/")
    offer = make_public.post("/api/documents/upload-url", json={"fileName": "a", "fileSize": 1})
    assert offer.get_json()["uploadUrl"].startswith("https://ocr.example.com/objects/")


def test_a_file_is_stored_as_sent_wherever_the_body_is_cut_into_blocks(anna: Caller) -> None:
    head = b'--boundary\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    end = b"\r\n--boundary--\r\n"
    up_to_the_last_dash = len(head) + len(end.removesuffix(b"-\r\n"))
    size_bytes = BLOCK_BYTES - up_to_the_last_dash

    answer = anna.post(
        "/api/documents/submit",
        data=head + b"x" * size_bytes + end,
        content_type="multipart/form-data; boundary=boundary",
    )

    assert answer.get_json()["fileSize"] == size_bytes
