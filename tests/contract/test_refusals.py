"""What a client can do wrong: each has a status, a code, a sentence, and leaves nothing behind."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.problems import (
    BATCH,
    CONVERT,
    ESTIMATE,
    FORMS,
    ONE_FILE,
    SINGLE,
    SUBMIT,
    assert_problem,
)
from tests.support.api_callers import FORM, Caller, file
from tests.support.api_fixtures import MAX_FILE_BYTES, MAX_REQUEST_BYTES
from tests.support.sharing import app, settings  # noqa: F401

UNKNOWN_ID = "z" * 24
BOUNDARY = "boundary"
NOISE = bytes(range(256)) * 12
SENT = (
    b'--boundary\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    b"Hello\r\n--boundary--\r\n"
)


FIELD_REFUSALS = [
    (SINGLE, "retentionDays", "0", 400, "1 to 3650"),
    (SINGLE, "retentionDays", "3651", 400, "1 to 3650"),
    (SINGLE, "retentionDays", "1.5", 400, "1 to 3650"),
    (SINGLE, "retentionDays", "١٢", 400, "1 to 3650"),
    (SINGLE, "retentionDays", "", 400, "1 to 3650"),
    (ONE_FILE, "pages", "3-1", 400, "1-3,7"),
    (ONE_FILE, "pages", "all", 400, "1-3,7"),
    ((*SINGLE, BATCH), "cache", "yes", 400, "true or false"),
    ((*SINGLE, BATCH), "includeImages", "1", 400, "true or false"),
    ((*SINGLE, BATCH), "extractHeader", "yes", 400, "true or false"),
    ((*SINGLE, BATCH), "extractFooter", "yes", 400, "true or false"),
    ((*SINGLE, BATCH), "tableFormat", "csv", 400, "markdown or html"),
    ((*SINGLE, BATCH), "include", "words", 400, "blocks"),
    ((*SINGLE, BATCH), "confidence", "line", 400, "page or block or word"),
    ((*SINGLE, BATCH), "imageLimit", "10001", 400, "0 to 10000"),
    ((*SINGLE, BATCH), "imageMinSize", "0", 400, "1 to 10000"),
    ((SUBMIT, BATCH), "priority", "11", 400, "1 to 10"),
    ((SUBMIT, BATCH), "priority", "0", 400, "1 to 10"),
    ((SUBMIT, BATCH), "priority", "high", 400, "1 to 10"),
    ((CONVERT,), "format", "xml", 400, "markdown"),
    ((CONVERT,), "pageSeparator", "", 400, "1 to 200 characters"),
    ((CONVERT,), "pageSeparator", "\0", 400, "other than NUL"),
    ((CONVERT,), "frontMatter", "yes", 400, "true or false"),
    ((BATCH, ESTIMATE), "useMistralBatch", "maybe", 400, "true or false"),
]


@pytest.mark.parametrize(("paths", "field", "value", "status", "allowed"), FIELD_REFUSALS)
def test_a_field_out_of_range_is_named_with_its_value_and_what_is_allowed(
    anna: Caller, nothing_is_kept: Callable[[], None],
    paths: tuple[str, ...], field: str, value: str, status: int, allowed: str,
) -> None:  # fmt: skip
    for path in paths:
        name = "files" if path == BATCH else "file"
        answer = anna.post(path, {name: file(), field: value})
        assert_problem(answer, status, f"invalid_{field}", field, repr(value), allowed)
    nothing_is_kept()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"chunkSize": "99"}, ("chunkSize", "100 to 100000")),
        ({"chunkSize": "100001"}, ("chunkSize", "100 to 100000")),
        ({"chunkSize": "1e3"}, ("chunkSize", "100 to 100000")),
        ({"chunkOverlap": "-1"}, ("chunkOverlap", "0 to 49999")),
        ({"chunkOverlap": "750"}, ("chunkOverlap", "below half of chunkSize (1500)")),
        ({"chunkSize": "100", "chunkOverlap": "50"}, ("below half of chunkSize (100)",)),
    ],
)
def test_chunks_of_a_size_that_they_cannot_have_are_refused(
    anna: Caller,
    nothing_is_kept: Callable[[], None],
    fields: dict[str, str],
    words: tuple[str, ...],
) -> None:
    answer = anna.post(CONVERT, {"file": file(), "format": "chunks", **fields})

    assert_problem(answer, 422, "invalid_chunk_size", *words)
    nothing_is_kept()


UNAVAILABLE = [
    ((CONVERT,), {"format": "pdf"}, "format"),
    ((CONVERT,), {"embedImages": "true"}, "format=html"),
    ((CONVERT,), {"chunkSize": "500"}, "format=chunks"),
    ((CONVERT,), {"format": "chunks", "frontMatter": "true"}, "format=markdown, json"),
    ((CONVERT,), {"format": "text", "frontMatter": "true"}, "format=markdown, json"),
    (FORMS, {"model": "gpt-9"}, "model"),
]


@pytest.mark.parametrize(("paths", "fields", "word"), UNAVAILABLE)
def test_what_is_not_available_yet_is_refused_not_ignored(
    anna: Caller, nothing_is_kept: Callable[[], None],
    paths: tuple[str, ...], fields: dict[str, str], word: str,
) -> None:  # fmt: skip
    for path in paths:
        answer = anna.post(path, {"files" if path == BATCH else "file": file(), **fields})
        assert_problem(answer, 422, "option_unavailable", word)
    nothing_is_kept()


@pytest.mark.parametrize("path", [*SINGLE, BATCH])
@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://169.254.169.254/x", "link-local"),
        ("example.com", "scheme"),
        ("https://a:SECRETWORD@example.com/", "credentials"),
        ("https://2130706433/", "numeric form"),
    ],
)
def test_a_webhook_that_may_not_be_asked_is_refused_by_its_rule(
    anna: Caller, path: str, url: str, rule: str, nothing_is_kept: Callable[[], None]
) -> None:
    form = {"files" if path == BATCH else "file": file(), "webhookUrl": url}
    answer = anna.post(path, form)
    assert_problem(answer, 422, "url_not_allowed", f"({rule})", "URL_ALLOW")
    assert "SECRETWORD" not in answer.text
    nothing_is_kept()


@pytest.mark.parametrize("path", FORMS)
def test_an_unknown_field_is_named(
    anna: Caller, path: str, nothing_is_kept: Callable[[], None]
) -> None:
    form = {"files" if path == BATCH else "file": file(), "retention": "5"}
    assert_problem(anna.post(path, form), 400, "unknown_field", "retention", "model")
    nothing_is_kept()


@pytest.mark.parametrize("path", [*FORMS, "/api/documents/upload-url"])
def test_a_field_in_the_url_is_not_ignored(
    anna: Caller, path: str, nothing_is_kept: Callable[[], None]
) -> None:
    answer = anna.post(f"{path}?priority=9", {"file": file()})
    assert_problem(answer, 400, "unknown_field", "priority", "into the body")
    nothing_is_kept()


@pytest.mark.parametrize("path", ONE_FILE)
def test_a_form_needs_one_file_with_content_of_a_known_type(
    anna: Caller, path: str, nothing_is_kept: Callable[[], None]
) -> None:
    noise = NOISE
    assert_problem(anna.post(path, {"pages": "1"}), 400, "missing_file", "file")
    assert_problem(anna.post(path, {"file": "text"}), 400, "missing_file", "file")
    assert_problem(anna.post(path, data={"file": "text"}), 400, "missing_file", FORM)
    assert_problem(anna.post(path), 400, "missing_file", FORM)
    assert_problem(anna.post(path, {"file": file(b"")}), 400, "empty_file", "hello.txt")
    assert_problem(anna.post(path, {"file": file(noise)}), 415, "unsupported_type")
    assert_problem(anna.post(path, {"file": [file(), file()]}), 400, "too_many_files", "file")
    assert_problem(anna.post(path, {"document": file()}), 400, "unknown_field", "document")
    nothing_is_kept()


@pytest.mark.parametrize("path", ONE_FILE)
def test_a_file_beyond_the_limit_is_refused_whether_or_not_its_length_is_told(
    anna: Caller, path: str, nothing_is_kept: Callable[[], None]
) -> None:
    large = file(b"x" * (MAX_FILE_BYTES + 1))
    assert_problem(anna.post(path, {"file": large}), 413, "file_too_large", str(MAX_FILE_BYTES))
    nothing_is_kept()


def test_a_request_beyond_its_limit_is_refused_before_it_is_read(anna: Caller) -> None:
    body = io.BytesIO(SENT)
    answer = anna.call(
        "POST", BATCH, input_stream=body, content_type=f"{FORM}; boundary={BOUNDARY}",
        environ_overrides={"CONTENT_LENGTH": str(MAX_REQUEST_BYTES + 1)},
    )  # fmt: skip
    assert_problem(answer, 413, "file_too_large", str(MAX_REQUEST_BYTES))
    assert body.tell() == 0


def test_a_chunked_request_is_counted_as_it_comes(
    anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    part = b'--boundary\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
    one = part + b"x" * MAX_FILE_BYTES + b"\r\n"
    answer = anna.call(
        "POST", BATCH, input_stream=io.BytesIO(one * 5), content_type=f"{FORM}; boundary=boundary",
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )  # fmt: skip
    assert_problem(answer, 413, "file_too_large")
    nothing_is_kept()


@pytest.mark.parametrize("size_bytes", [64 * 1024 + 1, 400_000])
def test_a_field_of_more_than_64_kib_is_refused_by_name(
    anna: Caller, nothing_is_kept: Callable[[], None], size_bytes: int
) -> None:
    answer = anna.post(SUBMIT, {"file": file(), "pages": "1" * size_bytes})
    assert_problem(answer, 413, "file_too_large", "The field pages has more than 65536 bytes.")
    nothing_is_kept()


@pytest.mark.parametrize(("order", "code"), [("ffpp", "too_many_files"), ("ppff", "invalid_pages")])
def test_of_two_mistakes_the_one_that_was_sent_first_is_named(
    anna: Caller, nothing_is_kept: Callable[[], None], order: str, code: str
) -> None:
    heads = {"f": b'name="file"; filename="a.txt"', "p": b'name="pages"'}
    parts = (b"--boundary\r\nContent-Disposition: form-data; " + heads[one] for one in order)
    body = b"".join(part + b"\r\n\r\n1\r\n" for part in parts) + b"--boundary--\r\n"
    answer = anna.post(SUBMIT, data=body, content_type=f"{FORM}; boundary={BOUNDARY}")
    assert_problem(answer, 400, code)
    nothing_is_kept()


BROKEN_BODIES = [
    (SENT[:-4], f"{FORM}; boundary={BOUNDARY}"),
    (SENT, f"{FORM}; boundary=another"),
    (SENT, FORM),
    (SENT, f"{FORM}; boundary=ü"),
    (SENT, "text/plain"),
    (SENT, "application/json"),
    (gzip.compress(SENT), f"{FORM}; boundary={BOUNDARY}"),
    (b"\r\n", f"{FORM}; boundary={BOUNDARY}"),
    (SENT.replace(b'name="file"; ', b""), f"{FORM}; boundary={BOUNDARY}"),
    (SENT.replace(b"Content-Disposition", b"Content-Nothing"), f"{FORM}; boundary={BOUNDARY}"),
    (b"--boundary\r\n\xff\xfe: x\r\n\r\nx\r\n--boundary--", f"{FORM}; boundary={BOUNDARY}"),
]


@pytest.mark.parametrize(("body", "content_type"), BROKEN_BODIES)
def test_a_broken_form_is_malformed(
    anna: Caller, nothing_is_kept: Callable[[], None], body: bytes, content_type: str
) -> None:
    answer = anna.post(SUBMIT, data=body, content_type=content_type)
    assert_problem(answer, 400, "malformed_request")
    nothing_is_kept()


@pytest.mark.parametrize("length", ["-5", "ten", "1e3"])
def test_a_wrong_content_length_is_refused(anna: Caller, length: str) -> None:
    answer = anna.call(
        "POST", SUBMIT, data=SENT, content_type=f"{FORM}; boundary={BOUNDARY}",
        environ_overrides={"CONTENT_LENGTH": length},
    )  # fmt: skip
    assert_problem(answer, 400, "malformed_request", "Content-Length")


def test_a_body_that_ends_early_is_truncated(
    anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    answer = anna.call(
        "POST", SUBMIT, input_stream=io.BytesIO(SENT[:-30]),
        content_type=f"{FORM}; boundary={BOUNDARY}",
        environ_overrides={"CONTENT_LENGTH": str(len(SENT))},
    )  # fmt: skip
    assert_problem(answer, 400, "truncated_body", str(len(SENT)))
    nothing_is_kept()


def test_a_part_without_end_to_its_headers_is_not_gathered_in_memory(anna: Caller) -> None:
    body = b"--boundary\r\nX: " + b"x" * 300_000
    answer = anna.post(SUBMIT, data=body, content_type=f"{FORM}; boundary={BOUNDARY}")
    assert_problem(answer, 413, "file_too_large")


def test_a_batch_is_refused_whole_with_every_reason(
    anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    files = [
        file(b"fine", "fine.txt"),
        file(b"", "empty.txt"),
        file(b"x" * (MAX_FILE_BYTES + 1), "large.txt"),
        file(NOISE, "noise.bin"),
    ]

    body = assert_problem(anna.post(BATCH, {"files": files}), 400, "batch_refused")

    assert [(reason["name"], reason["code"]) for reason in body["errors"]] == [
        ("empty.txt", "empty_file"),
        ("large.txt", "file_too_large"),
        ("noise.bin", "unsupported_type"),
    ]
    assert all(reason["detail"] for reason in body["errors"])
    nothing_is_kept()


def test_a_batch_takes_1_to_100_files(anna: Caller, nothing_is_kept: Callable[[], None]) -> None:
    assert_problem(anna.post(BATCH, {"priority": "5"}), 400, "missing_file", "files")
    assert_problem(anna.post(BATCH, {"files": "text"}), 400, "missing_file", "files")
    many = [file() for _ in range(101)]
    assert_problem(anna.post(BATCH, {"files": many}), 400, "too_many_files", "100")
    nothing_is_kept()


JSON_REFUSALS: list[tuple[Any, int, str]] = [
    ({"fileSize": 5}, 400, "invalid_fileName"),
    ({"fileName": "", "fileSize": 5}, 400, "invalid_fileName"),
    ({"fileName": 5, "fileSize": 5}, 400, "invalid_fileName"),
    ({"fileName": "a.pdf"}, 400, "invalid_fileSize"),
    ({"fileName": "a.pdf", "fileSize": 0}, 400, "invalid_fileSize"),
    ({"fileName": "a.pdf", "fileSize": True}, 400, "invalid_fileSize"),
    ({"fileName": "a.pdf", "fileSize": 1.5}, 400, "invalid_fileSize"),
    ({"fileName": "a.pdf", "fileSize": MAX_FILE_BYTES + 1}, 413, "file_too_large"),
    ({"fileName": "a.pdf", "fileSize": 5, "mimeType": "video/mp4"}, 415, "unsupported_type"),
    ({"fileName": "a.pdf", "fileSize": 5, "mimeType": []}, 400, "invalid_mimeType"),
    ({"fileName": "a.pdf", "fileSize": 5, "retentionDays": 9999}, 400, "invalid_retentionDays"),
    ({"fileName": "a.pdf", "fileSize": 5, "name": "x"}, 400, "unknown_field"),
    ([], 400, "malformed_request"),
    ("text", 400, "malformed_request"),
    (None, 400, "malformed_request"),
]


@pytest.mark.parametrize(("body", "status", "code"), JSON_REFUSALS)
def test_what_is_wrong_with_a_json_body_is_named(
    anna: Caller, nothing_is_kept: Callable[[], None], body: object, status: int, code: str
) -> None:
    assert_problem(anna.post("/api/documents/upload-url", json=body), status, code)
    nothing_is_kept()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 20_000, b"{}" + b" " * 70_000])
def test_bad_json_is_malformed_or_too_large(anna: Caller, body: bytes) -> None:
    answer = anna.post("/api/documents/upload-url", data=body, content_type="application/json")
    if len(body) > 65_536:
        assert_problem(answer, 413, "file_too_large")
    else:
        nested = body.startswith(b"[")
        assert_problem(answer, 400, "malformed_request", "nested" if nested else "such as")


QUERY_REFUSALS = [
    (f"/api/documents/status/{UNKNOWN_ID}?wait=61", "invalid_wait"),
    (f"/api/documents/status/{UNKNOWN_ID}?wait=-1", "invalid_wait"),
    (f"/api/documents/status/{UNKNOWN_ID}?wait=soon", "invalid_wait"),
    (f"/api/documents/{UNKNOWN_ID}?format=xml", "invalid_format"),
    (f"/api/documents/{UNKNOWN_ID}?pages=0", "invalid_pages"),
    (f"/v1/batch/status/{UNKNOWN_ID}?details=1", "invalid_details"),
    (f"/v1/batch/download/{UNKNOWN_ID}?format=csv", "invalid_format"),
    ("/api/usage/summary?startDate=yesterday", "invalid_startDate"),
    ("/api/usage/summary?endDate=2026-13-01", "invalid_endDate"),
    ("/api/usage/summary?startDate=2026-02-01&endDate=2026-01-01", "invalid_endDate"),
    ("/api/usage/breakdown?groupBy=week", "invalid_groupBy"),
    ("/api/documents/status/NOT-AN-ID", "invalid_id"),
    ("/api/documents/NOT-AN-ID", "invalid_id"),
    ("/api/documents/NOT-AN-ID/original", "invalid_id"),
    ("/v1/batch/status/short", "invalid_id"),
    ("/v1/batch/download/" + "a" * 31, "invalid_id"),
]


@pytest.mark.parametrize(("path", "code"), QUERY_REFUSALS)
def test_what_is_wrong_with_a_path_or_query_is_named(anna: Caller, path: str, code: str) -> None:
    assert_problem(anna.get(path), 400, code, code.removeprefix("invalid_"))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"/api/documents/{UNKNOWN_ID}?format=html&frontMatter=true", "option_unavailable"),
        (f"/api/documents/{UNKNOWN_ID}?format=pdf&embedImages=true", "option_unavailable"),
        (f"/api/documents/{UNKNOWN_ID}?include=blocks", "option_unavailable"),
        (f"/v1/batch/download/{UNKNOWN_ID}?frontMatter=true", "option_unavailable"),
    ],
)
def test_options_that_a_form_does_not_have_are_refused(anna: Caller, path: str, code: str) -> None:
    assert_problem(anna.get(path), 422, code, "format")


def test_unknown_routes_and_methods_are_problems_too(anna: Caller) -> None:
    assert_problem(anna.get("/v2/convert"), 404, "not_found")
    wrong = anna.get("/v1/convert")
    assert_problem(wrong, 405, "method_not_allowed")
    assert set(wrong.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert_problem(anna.get(SUBMIT), 405, "method_not_allowed")
    assert_problem(anna.post("/api/documents/upload-url/x"), 404, "not_found")


def test_a_failure_of_ours_tells_nothing_of_its_cause(
    anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("the secret cause")

    monkeypatch.setattr("ilios.documents.queries.DocumentReader.usage", broken)

    answer = anna.get("/api/usage/summary")

    assert_problem(answer, 500, "internal_error")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("pages/1/image?width=200&width=300", "width"),
        ("pages/1?include=html&include=blocks", "include"),
        ("?format=text&format=json", "format"),
    ],
)
def test_of_a_parameter_sent_twice_none_is_taken(anna: Caller, path: str, name: str) -> None:
    base = f"/api/documents/{UNKNOWN_ID}"

    answer = anna.get(base + (path if path.startswith("?") else f"/{path}"))

    assert_problem(answer, 400, f"invalid_{name}", f"{name} was sent 2 times; ")
