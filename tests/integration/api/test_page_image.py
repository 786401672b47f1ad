"""Images of the pages of a document as it was sent, drawn in a parser child."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import update
from werkzeug.test import TestResponse

from ilios.accounts.keys import owner_of
from ilios.api.services import services
from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document
from ilios.documents import page_images, parser_places
from ilios.documents.page_images import PageImages
from ilios.engines.parser_messages import Message
from ilios.engines.parser_pool import ParserPool
from ilios.storage.base import ObjectStore
from tests.contract.problems import assert_problem
from tests.support import sample_files
from tests.support.api_callers import Caller
from tests.support.api_fixtures import KEY
from tests.support.api_working import InTestWorker
from tests.support.forking import REPOSITORY
from tests.support.sharing import app, settings  # noqa: F401

OWNER = owner_of(KEY)
TWO_PAGES = sample_files.pdf(sample_files.text("one"), sample_files.text("two"))
ENCRYPTED = (REPOSITORY / "tests" / "samples" / "encrypted.pdf").read_bytes()


def submitted(caller: Caller, content: bytes = TWO_PAGES, name: str = "report.pdf") -> str:
    return caller.submit(content, name)


def path_of(document_id: str, number: int = 1, query: str = "") -> str:
    return f"/api/documents/{document_id}/pages/{number}/image{query}"


def image_of(answer: TestResponse) -> Image.Image:
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "image/png"
    assert answer.content_length == len(answer.data)
    return Image.open(io.BytesIO(answer.data))


@pytest.fixture
def cached(api_settings: Settings) -> Callable[[str], list[str]]:
    """Tell what the cache holds of a document."""
    folder = data_folder.page_images(api_settings)
    return lambda document_id: sorted(path.name for path in folder.glob(f"{document_id}/*"))


def test_a_page_is_drawn_before_its_document_is_converted(
    anna: Caller, api_settings: Settings
) -> None:
    document_id = submitted(anna)

    one, two = anna.get(path_of(document_id)), anna.get(path_of(document_id, 2, "?width=200"))

    assert (image_of(one).width, image_of(two).width) == (1000, 200)
    assert one.data != two.data
    assert one.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert list(data_folder.uploads(api_settings).iterdir()) == []


def test_an_image_is_its_only_page(anna: Caller) -> None:
    scan = sample_files.encoded(sample_files.scan(["Herons"], (800, 600)), "PNG")
    document_id = submitted(anna, scan, "scan.png")

    assert image_of(anna.get(path_of(document_id, 1, "?width=400"))).size == (400, 300)
    assert_problem(anna.get(path_of(document_id, 2)), 404, "page_not_found", "There is 1 page: 1.")


@pytest.mark.parametrize("number", [0, 3, 10**18 - 1])
def test_of_other_numbers_it_is_told_which_there_are(anna: Caller, number: int) -> None:
    answer = anna.get(path_of(submitted(anna), number))

    told = f"There is no page {number}. There are 2 pages: 1-2."
    assert_problem(answer, 404, "page_not_found", told)


def test_a_text_has_no_page_images(anna: Caller, worker: InTestWorker) -> None:
    document_id = anna.submit()
    worker.work()

    answer = anna.get(path_of(document_id))

    assert_problem(answer, 404, "no_page_image", "hello.txt is text/plain", "Markdown")


@pytest.mark.parametrize("width", ["199", "2001", "1e3", "", "-1"])
def test_other_widths_are_refused(anna: Caller, width: str) -> None:
    answer = anna.get(path_of(submitted(anna), 1, f"?width={width}"))

    assert_problem(answer, 400, "invalid_width", "a whole number from 200 to 2000")


def test_it_is_drawn_once_and_then_comes_from_the_cache(
    anna: Caller, cached: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = submitted(anna)
    drawn = anna.get(path_of(document_id))
    monkeypatch.setattr(PageImages, "_drawn", None)  # nobody may call it

    again = anna.get(path_of(document_id))

    assert again.data == drawn.data
    assert cached(document_id) == ["1-1000.png"]


def test_its_etag_spares_the_work(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    document_id = submitted(anna)
    answer = anna.get(path_of(document_id))
    monkeypatch.setattr(PageImages, "image", None)  # nobody may call it

    again = anna.get(path_of(document_id), headers={"If-None-Match": answer.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
    for one in (answer, again):
        assert one.headers["Cache-Control"] == "private, no-cache"
    other = anna.get(path_of(document_id), headers={"If-Match": '"another"'})
    assert_problem(other, 412, "precondition_failed")


def test_others_do_not_learn_that_there_is_such_a_document(
    anna: Caller, bert: Caller, nobody: Caller
) -> None:
    document_id = submitted(anna)
    etag = anna.get(path_of(document_id)).headers["ETag"]

    for headers in ({}, {"If-None-Match": etag}):
        assert_problem(bert.get(path_of(document_id), headers=headers), 404, "document_not_found")
    assert_problem(nobody.get(path_of(document_id)), 401, "unauthorized")


def test_a_protected_pdf_is_told(anna: Caller) -> None:
    answer = anna.get(path_of(submitted(anna, ENCRYPTED)))

    assert_problem(answer, 422, "encrypted_document", "Remove the password")


def test_a_damaged_pdf_is_told(anna: Caller) -> None:
    answer = anna.get(path_of(submitted(anna, b"%PDF-1.7 and nothing more")))

    assert_problem(answer, 422, "corrupt_document")


def test_without_its_original_it_cannot_be_drawn(
    anna: Caller, database: Database, store: ObjectStore
) -> None:
    document_id = submitted(anna)
    with database.reading() as session:
        store.delete(session.get_one(Document, document_id).storage_key)

    assert_problem(anna.get(path_of(document_id)), 410, "original_missing")


def test_what_has_not_come_yet_is_not_ready(anna: Caller, database: Database) -> None:
    offer = anna.post("/api/documents/upload-url", json={"fileName": "u.pdf", "fileSize": 5})
    fetched = submitted(anna)
    with database.writing() as session:
        session.execute(update(Document).where(Document.id == fetched).values(storage_key=""))

    for document_id, reason in ((offer.get_json()["id"], "uploaded"), (fetched, "fetched")):
        answer = anna.get(path_of(document_id))
        assert_problem(answer, 409, "document_not_ready", f"not been {reason}")


def test_the_images_go_with_their_document(
    anna: Caller, cached: Callable[[str], list[str]]
) -> None:
    gone, stays = submitted(anna), submitted(anna)
    for number in (1, 2):
        image_of(anna.get(path_of(gone, number)))
    image_of(anna.get(path_of(stays)))

    assert anna.call("DELETE", f"/api/documents/{gone}").status_code == 204

    assert (cached(gone), cached(stays)) == ([], ["1-1000.png"])
    assert_problem(anna.get(path_of(gone)), 410, "document_deleted")


def test_one_that_is_drawn_while_its_document_is_deleted_is_not_kept(
    anna: Caller,
    app: Flask,  # noqa: F811
    cached: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document_id = submitted(anna)
    with app.app_context():
        drawing = services().page_images

    draw = drawing._draw

    def draw_too_late(*arguments: Any) -> None:
        with ThreadPoolExecutor(1) as others:
            others.submit(anna.call, "DELETE", f"/api/documents/{document_id}").result()
        draw(*arguments)

    monkeypatch.setattr(drawing, "_draw", draw_too_late)

    assert anna.get(path_of(document_id)).status_code == 200

    assert cached(document_id) == []


def test_one_that_takes_too_long_is_given_up(
    anna: Caller,
    app: Flask,  # noqa: F811
    api_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page_images, "DRAW_SECONDS", 0.0)
    document_id = submitted(anna)
    limit_bytes = api_settings.large_parser_memory_limit_bytes
    with app.app_context(), closing(ParserPool(never_answer, limit_bytes)) as parsers:
        monkeypatch.setattr(services().page_images, "_parsers", parsers)
        answer = anna.get(path_of(document_id))

    assert_problem(answer, 422, "deadline_exceeded", "could not be drawn")
    assert list(data_folder.uploads(api_settings).iterdir()) == []


def never_answer(_: Message) -> Iterator[Message]:
    signal.pause()
    yield {}


def die(_: Message) -> Iterator[Message]:
    os.kill(os.getpid(), signal.SIGKILL)
    yield {}


def test_one_that_ends_its_parser_is_told(
    anna: Caller,
    app: Flask,  # noqa: F811
    api_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document_id = submitted(anna)
    limit_bytes = api_settings.large_parser_memory_limit_bytes
    with app.app_context(), closing(ParserPool(die, limit_bytes)) as parsers:
        monkeypatch.setattr(services().page_images, "_parsers", parsers)
        answer = anna.get(path_of(document_id))

    assert_problem(answer, 422, "parser_crashed", "528 MiB")


def test_a_key_that_draws_leaves_a_place_to_others(
    anna: Caller,
    bert: Caller,
    app: Flask,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parser_places, "WAIT_SECONDS", 0.05)
    document_id, of_bert = submitted(anna), submitted(bert)
    with app.app_context(), services().page_images._places.held(OWNER):
        answer = anna.get(path_of(document_id))
        assert bert.get(path_of(of_bert)).status_code == 200

    assert_problem(answer, 503, "busy", "Other pages have been drawn")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_disk_without_room_draws_nothing(
    make_app: Callable[[Settings], Flask], api_settings: Settings, anna: Caller
) -> None:
    document_id = submitted(anna)
    full = make_app(api_settings.model_copy(update={"min_free_disk_bytes": 2**60}))

    answer = Caller(full.test_client(), KEY).get(path_of(document_id))

    assert_problem(answer, 507, "disk_full")


def test_many_at_once_are_drawn_one_after_another(
    app: Flask,  # noqa: F811
    anna: Caller,
    temporary_files: Callable[[], list[Path]],
) -> None:
    document_id = submitted(anna)

    def ask(width: int) -> int:
        caller = Caller(app.test_client(), KEY)
        return caller.get(path_of(document_id, 1, f"?width={width}")).status_code

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, (200, 201, 202, 200))) == [200] * 4
    assert temporary_files() == []
