"""`format=pdf`: the original with text that is not seen, made in a parser child."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pypdfium2 as pdfium
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from ilios.accounts.keys import owner_of
from ilios.api.services import services
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document
from ilios.documents import parser_places, searchable_pdfs
from ilios.engines.base import Page
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block, Line
from ilios.engines.parser_messages import Message
from ilios.engines.parser_pool import ParserPool
from ilios.storage.base import ObjectStore
from tests.contract.problems import assert_problem
from tests.support import sample_files, structured
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.api_working import InTestWorker

OWNER = owner_of(KEY)
A4 = (595.0, 842.0)
TEXT = "# Herons\n\nThey *stand* and wait."
SCAN = sample_files.pdf(sample_files.picture(0, 0, 595, 842), image=sample_files.scan(["Herons"]))


def page(*blocks: Block, text: str = TEXT) -> Page:
    return Page(0, text, width=A4[0], height=A4[1], layout=Layout.of(blocks))


READ = page(
    Block("title", 0, 8, level=1, lines=(Line(0, 8, (72, 60, 180, 78)),)),
    Block("text", 10, 32, box=(72, 90, 300, 102)),
)


def stored(
    database: Database, settings: Settings, of_page: Page, content: bytes = SCAN, **more: Any
) -> str:
    return structured.add_result(
        database,
        [of_page],
        owner=OWNER,
        settings=settings,
        content=content,
        **{"mime_type": "application/pdf", **more},
    )


def pdf_of(anna: Caller, document_id: str) -> TestResponse:
    answer = anna.get(f"/api/documents/{document_id}?format=pdf")
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/pdf"
    assert answer.content_length == len(answer.data)
    return answer


def words(content: bytes) -> str:
    with pdfium.PdfDocument(content) as pdf:
        return " ".join(pdf[0].get_textpage().get_text_range().split())


def test_a_scan_can_be_searched(anna: Caller, database: Database, api_settings: Settings) -> None:
    document_id = stored(database, api_settings, READ)

    answer = pdf_of(anna, document_id)

    assert words(answer.data) == "Herons They stand and wait."
    assert list((api_settings.data_folder / "tmp" / "uploads").iterdir()) == []


def test_words_that_are_spread_over_a_box_stay_whole(
    anna: Caller, database: Database, api_settings: Settings
) -> None:
    text = " ".join(f"The well-known invoice 2026-0417-{number} is paid." for number in range(9))
    block = Block("text", 0, len(text), box=(72, 90, 300, 300))

    answer = pdf_of(anna, stored(database, api_settings, page(block, text=text)))

    assert words(answer.data) == text


def test_equal_lines_below_each_other_are_all_there(
    anna: Caller, database: Database, api_settings: Settings
) -> None:
    text = "\n".join(["- Nothing to declare"] * 9)
    block = Block("list", 0, len(text), box=(72, 90, 300, 200))

    answer = pdf_of(anna, stored(database, api_settings, page(block, text=text)))

    assert words(answer.data) == " ".join(["Nothing to declare"] * 9)


def test_a_pdf_with_text_is_given_as_it_was_sent(
    anna: Caller, database: Database, api_settings: Settings
) -> None:
    lines = [f"Line {number} of a page that has text." for number in range(12)]
    content = sample_files.pdf(sample_files.text(*lines))
    document_id = stored(database, api_settings, READ, content)

    assert pdf_of(anna, document_id).data == content


def test_an_image_becomes_a_pdf(anna: Caller, database: Database, api_settings: Settings) -> None:
    content = sample_files.encoded(sample_files.scan(["Herons"]), "PNG")
    read = replace(READ, width=1240, height=1754, dpi=150)
    document_id = stored(database, api_settings, read, content, mime_type="image/png")

    assert words(pdf_of(anna, document_id).data) == "Herons They stand and wait."


def test_its_etag_spares_the_work(
    anna: Caller, database: Database, api_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = stored(database, api_settings, READ)
    etag = pdf_of(anna, document_id).headers["ETag"]
    monkeypatch.setattr(searchable_pdfs.SearchablePdfs, "made", None)  # nobody may call it

    answer = anna.get(f"/api/documents/{document_id}?format=pdf", headers={"If-None-Match": etag})

    assert answer.status_code == 304


def test_a_scan_without_blocks_is_refused_with_what_helps(
    anna: Caller, database: Database, api_settings: Settings
) -> None:
    document_id = stored(database, api_settings, replace(READ, layout=None))

    answer = anna.get(f"/api/documents/{document_id}?format=pdf")

    assert_problem(answer, 422, "option_unavailable", "Page 1 is a scan", "include=blocks")


def test_a_pdf_of_some_pages_is_refused(
    anna: Caller, database: Database, api_settings: Settings
) -> None:
    document_id = stored(database, api_settings, READ)

    answer = anna.get(f"/api/documents/{document_id}?format=pdf&pages=1")

    assert_problem(answer, 422, "option_unavailable", "pages is for", "format=pdf", "Leave it out")


def test_a_text_file_is_refused_before_it_is_converted(anna: Caller, nothing_is_kept: Any) -> None:
    answer = anna.post("/v1/convert", {"file": file(), "format": "pdf"})

    assert_problem(answer, 422, "option_unavailable", "hello.txt is text/plain")
    nothing_is_kept()


def test_a_result_of_a_text_file_has_no_pdf(anna: Caller, worker: InTestWorker) -> None:
    document_id = anna.submit()
    worker.work()

    answer = anna.get(f"/api/documents/{document_id}?format=pdf")

    assert_problem(answer, 422, "option_unavailable", "of PDFs and images only")


def test_without_its_original_there_is_no_pdf(
    anna: Caller, database: Database, api_settings: Settings, store: ObjectStore
) -> None:
    document_id = stored(database, api_settings, READ)
    with database.reading() as session:
        store.delete(session.get_one(Document, document_id).storage_key)

    answer = anna.get(f"/api/documents/{document_id}?format=pdf")

    assert_problem(answer, 410, "original_missing")


def test_a_damaged_original_is_told(
    anna: Caller, database: Database, api_settings: Settings
) -> None:
    document_id = stored(database, api_settings, READ, b"%PDF-1.7 and nothing more")

    answer = anna.get(f"/api/documents/{document_id}?format=pdf")

    assert_problem(answer, 422, "corrupt_document")


def test_one_that_takes_too_long_is_given_up(
    anna: Caller, database: Database, api_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searchable_pdfs, "MAKE_SECONDS", 0.0)
    document_id = stored(database, api_settings, READ)

    answer = anna.get(f"/api/documents/{document_id}?format=pdf")

    assert_problem(answer, 422, "deadline_exceeded", "split the document")


def die(_: Message) -> Iterator[Message]:
    os.kill(os.getpid(), signal.SIGKILL)
    yield {}


def test_one_that_ends_its_parser_is_told(
    anna: Caller,
    database: Database,
    api_settings: Settings,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document_id = stored(database, api_settings, READ)
    limit_bytes = api_settings.large_parser_memory_limit_bytes
    with app.app_context(), closing(ParserPool(die, limit_bytes)) as parsers:
        monkeypatch.setattr(services().searchable_pdfs, "_parsers", parsers)
        answer = anna.get(f"/api/documents/{document_id}?format=pdf")

    assert_problem(answer, 422, "parser_crashed", "528 MiB", "Split it")


def test_who_waits_too_long_for_others_is_told_to_come_again(
    anna: Caller,
    database: Database,
    api_settings: Settings,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parser_places, "WAIT_SECONDS", 0.0)
    document_id = stored(database, api_settings, READ)
    with app.app_context(), services().searchable_pdfs._places.held(OWNER):
        answer = anna.get(f"/api/documents/{document_id}?format=pdf")

    assert_problem(answer, 503, "busy", "Other PDFs have been made")
