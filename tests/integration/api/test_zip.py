"""Results as archives: what is in them links to itself, and nothing stands outside."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from ilios.accounts.keys import owner_of
from ilios.api.services import EXTENSION
from ilios.db.database import Database
from ilios.db.models import Document
from ilios.storage.local import LocalStore
from tests.support import structured
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.api_working import IMAGE, InTestWorker

OWNER = owner_of(KEY)
FIGURE = b"# Heron\n![a figure](figure.png)"
HOSTILE = [
    "../../../etc/passwd.pdf", "..\\..\\x.pdf", "/absolute.pdf", "C:\\boot.ini", "..", "...",
    ".ssh", "CON.pdf", "a<b>|c?.pdf", "x" * 1_000 + ".pdf", "\u202efdp.exe", "",
]  # fmt: skip


@pytest.fixture
def figure(anna: Caller, worker: InTestWorker) -> str:
    """Provide a completed document with an image."""
    document_id = anna.submit(FIGURE, "report.txt")
    worker.work()
    return document_id


def archive_of(answer: TestResponse) -> zipfile.ZipFile:
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert archive.testzip() is None
    return archive


def json_of(archive: zipfile.ZipFile, name: str = "result.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(archive.read(name))
    return found


def test_a_result_with_its_images_in_one_archive(anna: Caller, figure: str) -> None:
    path = f"/api/documents/{figure}"

    answer = anna.get(f"{path}?format=zip")
    archive, plain = archive_of(answer), anna.get(f"{path}?format=json").get_json()

    assert archive.namelist() == ["report.md", "images/figure.png", "result.json"]
    markdown = archive.read("report.md").decode()
    assert markdown == "# Heron\n\n---\n\n![a figure](images/figure.png)"
    assert archive.read("images/figure.png") == IMAGE
    result = json_of(archive)
    assert result["fileName"] == "report.txt"
    assert (result["content"], result["downloadUrl"]) == (markdown, plain["downloadUrl"])
    assert result["pages"][1]["images"][0]["url"] == "images/figure.png"
    assert set(result) == {*plain, "fileName"}
    assert answer.headers["Content-Disposition"] == "attachment; filename=report.zip"


def test_an_archive_has_what_was_chosen(anna: Caller, database: Database) -> None:
    document_id = structured.add_result(database, map(structured.page, range(2)), owner=OWNER)

    query = "include=blocks&frontMatter=true&pageSeparator=[{page}]&pages=1-2"
    archive = archive_of(anna.get(f"/api/documents/{document_id}?format=zip&{query}"))

    markdown = archive.read("hello.md").decode()
    assert markdown.startswith("---\ntitle: ")
    assert "[2]# Herons 2" in markdown
    blocks = json_of(archive)["pages"][0]["blocks"]
    assert blocks[3]["text"] == "![heron](images/page-1-image-1.png)"


def test_an_image_that_is_not_stored_any_more_is_left_out_and_told_of(
    anna: Caller, database: Database
) -> None:
    document_id = structured.add_result(database, map(structured.page, range(2)), owner=OWNER)

    archive = archive_of(anna.get(f"/api/documents/{document_id}?format=zip"))

    assert archive.namelist() == ["hello.md", "result.json"]
    assert [(one["code"], one["message"].split()[2]) for one in json_of(archive)["warnings"]] == [
        ("image_skipped", "page-1-image-1.png"),
        ("image_skipped", "page-2-image-1.png"),
    ]


def test_an_archive_that_the_client_has_is_not_sent_again(anna: Caller, figure: str) -> None:
    path = f"/api/documents/{figure}?format=zip"
    first, again, other = anna.get(path), anna.get(path), anna.get(f"{path}&frontMatter=true")

    assert first.data == again.data
    assert first.headers["ETag"] == again.headers["ETag"] != other.headers["ETag"]
    unchanged = anna.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_inside(
    anna: Caller, database: Database, tmp_path: Path, name: str
) -> None:
    document_id = structured.add_result(database, [structured.plain_page(0)], owner=OWNER)
    with database.writing() as session:
        session.get_one(Document, document_id).file_name = name

    archive = archive_of(anna.get(f"/api/documents/{document_id}?format=zip"))
    names = archive.namelist()
    folder = tmp_path / "unpacked"
    archive.extractall(folder)

    assert len(names) == len(set(names)) == 2
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert [path.name for path in tmp_path.iterdir() if path.name != "data"] == ["unpacked"]
    assert json_of(archive)["fileName"] == name


def test_a_conversion_may_answer_with_an_archive(anna: Caller, worker: InTestWorker) -> None:
    with worker.running():
        answer = anna.post("/v1/convert", {"file": file(FIGURE, "a/b.txt"), "format": "zip"})

    assert archive_of(answer).namelist() == ["b.md", "images/figure.png", "result.json"]
    assert answer.headers["Content-Disposition"] == "attachment; filename=b.zip"


def test_a_batch_is_an_archive_with_a_folder_for_each_document(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    names = ["report.txt", "Report.pdf.txt", "REPORT.txt", "report-2.txt"]
    texts = [FIGURE, b"fail: document", b"two", b"three"]
    files = [file(text, name) for text, name in zip(texts, names, strict=True)]
    answer = anna.post("/v1/batch/submit", {"files": files})
    batch_id = answer.get_json()["batchId"]
    worker.work()

    answer = anna.get(f"/v1/batch/download/{batch_id}?format=zip&pageSeparator=//")
    archive = archive_of(answer)

    found = archive.namelist()
    assert sorted(found) == sorted(
        [
            "report/report.md",
            "report/images/figure.png",
            "report/result.json",
            "Report.pdf/result.json",
            "REPORT-2/REPORT-2.md",
            "REPORT-2/result.json",
            "report-2-2/report-2-2.md",
            "report-2-2/result.json",
        ]
    )
    assert archive.read("report/report.md") == b"# Heron//![a figure](images/figure.png)"
    failed = json_of(archive, "Report.pdf/result.json")
    assert failed.pop("id")
    assert "password" in failed.pop("error")
    assert failed == {
        "fileName": "Report.pdf.txt",
        "status": "failed",
        "errorCode": "encrypted_document",
    }
    result = json_of(archive, "REPORT-2/result.json")
    assert (result["content"], result["fileName"]) == ("two", "REPORT.txt")
    assert result["downloadUrl"] == f"http://localhost/api/documents/{result['id']}"
    assert answer.headers["Content-Disposition"] == f"attachment; filename={batch_id}.zip"


def test_lines_of_json_have_no_pages(anna: Caller, worker: InTestWorker) -> None:
    batch_id = anna.submit_batch(b"one")
    worker.work()
    path = f"/v1/batch/download/{batch_id}"

    (line,) = anna.get(path).text.splitlines()
    refused = anna.get(f"{path}?include=blocks")

    assert set(json.loads(line)) == {
        "id", "fileName", "status", "content", "extraction", "metadata", "partial", "failedPages",
        "warnings", "error", "processedAt",
    }  # fmt: skip
    assert "document" not in json.loads(line)["metadata"]
    assert refused.status_code == 422
    assert "format=jsonl" in refused.get_json()["detail"]


def test_a_client_that_leaves_in_the_middle_leaves_no_file_open(
    app: Flask, figure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = app.extensions[EXTENSION].store
    assert isinstance(store, LocalStore)
    seen: list[BinaryIO] = []

    @contextmanager
    def endless(_: str) -> Iterator[BinaryIO]:
        with Path("/dev/zero").open("rb") as stream:
            seen.append(stream)
            yield stream

    monkeypatch.setattr(LocalStore, "open", lambda _, key: endless(key))
    answer = app.test_client().get(
        f"/api/documents/{figure}?format=zip",
        headers={"Authorization": f"Bearer {KEY}"},
        buffered=False,
    )
    pieces = iter(answer.response)

    assert sum(len(next(pieces)) for _ in range(20)) > 256 * 1024
    assert [stream.closed for stream in seen] == [False]
    answer.close()
    assert [stream.closed for stream in seen] == [True]
