"""Archives over HTTP: a batch of what is in them, or nothing at all."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Batch, Document
from tests.contract.problems import assert_problem
from tests.support import old_office, protected, sample_files
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.api_working import InTestWorker
from tests.support.forking import REPOSITORY
from tests.support.hostile_archives import GOOD, HOSTILE, tarred, zipped

SUBMIT, BATCH = "/api/documents/submit", "/v1/batch/submit"
TREE = [("read me.txt", b"One"), ("docs/a.txt", b"Two"), ("docs/deep/b.txt", b"Three")]
DOCX = (REPOSITORY / "samples" / "meeting-notes.docx").read_bytes()


def names(answer: dict[str, Any]) -> list[str]:
    return [one["fileName"] for one in answer["documents"]]


def bound_of(rule: str, settings: Settings) -> str:
    """Return what a refusal by this rule says of its bound."""
    return {
        "headers": "(1 MiB at most)",
        "member_size": f"({settings.max_file_size_bytes:,} bytes at most)",
        "name": "(1,024 bytes at most)",
        "ratio": "(200 times its size and 16 MiB at most)",
        "too_many": "(100 at most)",
    }.get(rule, "")


def test_an_archive_becomes_a_batch_under_the_paths_of_its_documents(
    anna: Caller, worker: InTestWorker
) -> None:
    answer = anna.post(SUBMIT, {"file": file(zipped(*TREE), "all.zip"), "priority": "9"})

    assert answer.status_code == 201, answer.text
    batch = answer.get_json()
    assert answer.headers["Location"] == batch["statusUrl"]
    assert batch["totalDocuments"] == 3
    assert names(batch) == [name for name, _ in TREE]
    worker.work()
    status = anna.get(f"{batch['statusUrl']}?details=true").get_json()
    assert status["status"] == "completed"
    texts = [anna.get(f"/api/documents/{one['id']}").text for one in status["documents"]]
    assert texts == ["One", "Two", "Three"]


def test_archives_of_a_batch_stand_among_its_files(anna: Caller) -> None:
    files = [
        file(b"First", "first.txt"),
        file(gzip.compress(tarred(*TREE)), "all.tar.gz"),
        file(DOCX, "notes.docx"),
        file(tarred(("last.txt", GOOD)), "more.tar"),
    ]

    answer = anna.post(BATCH, {"files": files})

    assert answer.status_code == 202, answer.text
    assert names(answer.get_json()) == [
        "first.txt", "read me.txt", "docs/a.txt", "docs/deep/b.txt", "notes.docx", "last.txt",
    ]  # fmt: skip


def test_a_document_in_an_archive_shares_its_result(anna: Caller, worker: InTestWorker) -> None:
    anna.submit(b"Two", "two.txt")
    worker.work()

    batch = anna.post(SUBMIT, {"file": file(zipped(*TREE), "all.zip")}).get_json()

    documents = [
        anna.get(f"/api/documents/status/{one['id']}").get_json() for one in batch["documents"]
    ]
    assert [one["cached"] for one in documents] == [False, True, False]


def test_files_of_before_2007_in_an_archive_are_documents(anna: Caller) -> None:
    content = zipped(
        ("old/letter.doc", old_office.word(["A letter"])),
        ("old/talk.ppt", old_office.slides(["A talk"])),
    )

    answer = anna.post(SUBMIT, {"file": file(content, "all.zip")})

    assert answer.status_code == 201, answer.text
    assert names(answer.get_json()) == ["old/letter.doc", "old/talk.ppt"]


def test_one_result_is_not_for_an_archive(
    anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    for path in ("/v1/convert", "/v1/estimate"):
        for content, name in ((zipped(*TREE), "all.zip"), (tarred(*TREE), "all.tar")):
            answer = anna.post(path, {"file": file(content, name)})

            assert_problem(answer, 415, "archive_needs_batch", SUBMIT, "unpack it")
    nothing_is_kept()


def test_no_batch_is_made_where_none_is_wanted(
    anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    content = file(zipped(*TREE), "all.zip")

    answer = anna.post(SUBMIT, {"file": content}, headers={"Prefer": "no-batch"})

    assert_problem(answer, 415, "archive_needs_batch", "`ilios batch submit`", "unpack it")
    nothing_is_kept()


def test_the_key_of_a_batch_is_not_that_of_a_document(anna: Caller) -> None:
    headers = {"Idempotency-Key": "an-idempotency-key-that-must-not-be-logged"}
    anna.post(SUBMIT, {"file": file(zipped(*TREE), "all.zip")}, headers=headers)

    answer = anna.post(
        SUBMIT,
        {"file": file(zipped(*TREE), "all.zip")},
        headers={**headers, "Prefer": "wait=5, no-batch"},
    )

    assert_problem(answer, 422, "idempotency_key_reused")


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_by_name_and_leaves_nothing(
    anna: Caller, api_settings: Settings, nothing_is_kept: Callable[[], None], kind: str
) -> None:
    hostile = HOSTILE[kind]
    files = [file(b"First", "first.txt"), file(hostile.content(), hostile.name)]

    answer = anna.post(BATCH, {"files": files})

    problem = assert_problem(answer, 400, "batch_refused", "Nothing was stored")
    (error,) = problem["errors"]
    assert error["code"] == "archive_refused", error
    assert f"[{hostile.rule}]" in error["detail"]
    assert hostile.member in error["detail"]
    assert bound_of(hostile.rule, api_settings) in error["detail"]
    assert problem["detail"].count("Nothing was stored") == 1
    nothing_is_kept()


def test_what_no_engine_reads_in_an_archive_is_listed_by_its_path(
    anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    content = zipped(
        *(("docs/a.txt", GOOD), ("docs/run.exe", b"MZ\0\0"), ("empty.txt", b"")),
        ("inner.zip", zipped(("a.txt", GOOD))),
    )

    answer = anna.post(BATCH, {"files": [file(b"", "own.txt"), file(content, "all.zip")]})

    problem = assert_problem(answer, 400, "batch_refused")
    assert [(one["name"], one["code"], one.get("archive")) for one in problem["errors"]] == [
        ("own.txt", "empty_file", None),
        ("docs/run.exe", "unsupported_type", "all.zip"),
        ("empty.txt", "empty_file", "all.zip"),
        ("all.zip", "archive_refused", None),
    ]
    detail = problem["detail"]
    assert detail.startswith("Nothing was stored. own.txt is empty. Send a file with content. ")
    assert "all.zip: docs/run.exe: The file is of type " in detail
    assert "all.zip: empty.txt is empty. Send a file with content. " in detail
    assert detail.endswith(
        "all.zip: inner.zip: It is an archive itself, which is not opened [nesting]. "
        "Unpack it first."
    )
    assert detail.count("Nothing was stored") == 1
    nothing_is_kept()


def test_with_what_is_in_archives_a_batch_has_a_hundred_documents(
    anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    half = zipped(*((f"{number}.txt", GOOD) for number in range(51)))

    answer = anna.post(BATCH, {"files": [file(half, "a.zip"), file(half, "b.zip")]})

    assert_problem(answer, 400, "too_many_files", "102")
    nothing_is_kept()


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"key_waiting_documents": 2}, 429, "too_many_waiting"),
        ({"key_storage_bytes": 3 * 8192}, 402, "storage_quota_exceeded"),
    ],
)
def test_what_a_key_may_hold_holds_for_what_is_inside(
    make_app: Callable[[Settings], Flask],
    api_settings: Settings,
    nothing_is_kept: Callable[[], None],
    changes: dict[str, int],
    status: int,
    code: str,
) -> None:
    bounded = Caller(make_app(api_settings.model_copy(update=changes)).test_client(), KEY)

    for path, field in ((SUBMIT, "file"), (BATCH, "files")):
        answer = bounded.post(path, {field: file(zipped(*TREE), "all.zip")})
        assert_problem(answer, status, code)

    nothing_is_kept()


def test_the_same_request_again_is_the_same_batch(anna: Caller, database: Database) -> None:
    headers = {"Idempotency-Key": "an-idempotency-key-that-must-not-be-logged"}

    content = zipped(*TREE)

    answers = [
        anna.post(SUBMIT, {"file": file(content, "all.zip")}, headers=headers) for _ in range(2)
    ]

    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].get_json() == answers[1].get_json()
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Batch)) == 1
        assert session.scalar(select(func.count()).select_from(Document)) == 3


def test_a_password_opens_what_is_protected_in_an_archive(
    anna: Caller,
) -> None:
    content = zipped(("a.pdf", protected.pdf()), ("b.txt", GOOD))

    answer = anna.post(SUBMIT, {"file": file(content, "all.zip"), "password": protected.PASSWORD})

    assert answer.status_code == 201, answer.text


def test_an_office_file_is_a_document_and_no_archive(anna: Caller) -> None:
    book = sample_files.archive({"mimetype": "application/epub+zip", "a": "x"})

    for content, name in ((DOCX, "notes.docx"), (book, "book.epub")):
        answer = anna.post(SUBMIT, {"file": file(content, name)})
        assert answer.status_code == 202, answer.text


def test_what_is_unpacked_is_gone_with_the_request(anna: Caller, api_settings: Settings) -> None:
    anna.post(SUBMIT, {"file": file(zipped(*TREE), "all.zip")})
    anna.post(SUBMIT, {"file": file(zipped(*TREE, ("x.exe", b"MZ\0")), "all.zip")})

    assert list(data_folder.uploads(api_settings).iterdir()) == []
