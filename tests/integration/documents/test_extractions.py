"""What is asked for by schemas lies apart from its document, counts, and is deleted with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ilios.core import clock
from ilios.core.conversion_errors import CorruptDocument
from ilios.core.settings import Settings
from ilios.db import owner_totals
from ilios.db.driver import sqlite
from ilios.db.models import Document, DocumentStatus, OwnerTotals
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents import extractions, results
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.queries import DocumentReader
from ilios.documents.retention.service import Retention
from ilios.engines.base import Conversion, Options, Page, Usage
from ilios.storage.base import ObjectStore
from tests.integration.documents.conftest import OWNER
from tests.support import annotating
from tests.support.annotating import IMAGE_SCHEMA, SCHEMA, asking

pytestmark = pytest.mark.both_databases

MARKER = "xyzzy-of-the-schema"
MARKED = json.dumps({"title": MARKER})
ANSWER = json.dumps({"total": MARKER})
PDF = b"%PDF-1.7\n%%EOF"

Submit = Callable[..., str]
Row = Callable[[str], Document]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"ocr_engine": "mistral"})


@pytest.fixture
def complete(database: SqliteDatabase) -> Callable[..., None]:
    """Complete a document with a page and what came by its schema."""

    def complete(document_id: str, answer: str | None = ANSWER) -> None:
        converted = Conversion((Page(0, "Text"),), Usage(1, "a model"), extraction=answer)
        with database.writing() as session:
            results.checkpoint(session, document_id, converted, {})
            results.complete(session, document_id, clock.now())

    return complete


def asked_now(database: SqliteDatabase, document_id: str) -> Options:
    with database.reading() as session:
        document = session.get_one(Document, document_id)
        return extractions.asked_now(session, document)


def of_owner(options: Options) -> Options:
    """Return options as they are asked for in the turn of their document's owner."""
    assert options.extraction is not None
    return replace(options, extraction=replace(options.extraction, owner=OWNER))


def test_the_texts_lie_apart_and_the_row_has_their_digest_alone(
    submit: Submit, row: Row, database: SqliteDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = asking(MARKED, IMAGE_SCHEMA, f"As in {MARKER}.")

    document_id = submit(PDF, "a.pdf", options=asked)

    assert asked_now(database, document_id) == of_owner(asked)
    stored = row(document_id).options["extraction"]
    assert (stored["of_document"], stored["of_images"]) == (True, True)
    assert MARKER not in str(row(document_id).options)
    assert MARKER not in capsys.readouterr().out
    assert annotating.extraction(database, submit(PDF, "b.pdf")) is None


@pytest.mark.parametrize("image_schema", [None, IMAGE_SCHEMA])
def test_once_there_is_an_extraction_only_images_are_asked_for(
    submit: Submit, database: SqliteDatabase, image_schema: str | None
) -> None:
    document_id = submit(PDF, "a.pdf", options=asking(SCHEMA, image_schema))
    with database.writing() as session:
        extractions.keep(session, document_id, ANSWER)
        extractions.keep(session, document_id, "another")

    now = asked_now(database, document_id)

    assert now.is_annotated is (image_schema is not None)
    assert not now.goes_in_one_call
    with database.reading() as session:
        assert extractions.answer_of(session, document_id) == ANSWER
        assert extractions.asked_now(session, None) == Options()


def test_a_result_has_its_extraction_and_so_have_those_that_share_it(
    submit: Submit, complete: Callable[..., None], reports: DocumentReader, database: SqliteDatabase
) -> None:
    first = submit(PDF, "a.pdf", options=asking())
    waiting = submit(PDF, "a.pdf", options=asking())
    complete(first)
    later = submit(PDF, "a.pdf", options=asking())

    shown = [reports.result(one, owner=OWNER).extraction() for one in (first, waiting, later)]

    assert shown == [ANSWER] * 3
    rows = [annotating.extraction(database, one) is not None for one in (first, waiting, later)]
    assert rows == [True, True, False]


def test_a_duplicate_of_a_deleted_document_is_retried_with_its_own_schema(
    submit: Submit, database: SqliteDatabase, actions: DocumentActions, row: Row
) -> None:
    first, second = (submit(PDF, "a.pdf", options=asking()) for _ in range(2))
    with database.writing() as session:
        results.fail(session, first, CorruptDocument("It is broken."), clock.now())
    actions.delete(first, owner=OWNER)

    actions.retry(second, owner=OWNER)

    assert (row(second).status, row(second).result_of) == (DocumentStatus.PENDING, None)
    assert asked_now(database, second) == of_owner(asking())
    assert annotating.extraction(database, first) is None


@pytest.mark.only_sqlite
def test_no_byte_of_it_is_left_once_nobody_shows_it(
    submit: Submit, complete: Callable[..., None], actions: DocumentActions, settings: Settings,
    database: SqliteDatabase, store: ObjectStore, reports: DocumentReader,
) -> None:  # fmt: skip
    def files_with_marker() -> list[Path]:
        files = (path for path in settings.data_folder.rglob("*") if path.is_file())
        return [path for path in files if MARKER.encode() in path.read_bytes()]

    first, second = (submit(PDF, "a.pdf", options=asking(MARKED)) for _ in range(2))
    complete(first)
    actions.delete(first, owner=OWNER)
    assert reports.result(second, owner=OWNER).extraction() == ANSWER
    assert files_with_marker()

    actions.delete(second, owner=OWNER)
    Retention(settings, database, store).run()

    assert files_with_marker() == []


@pytest.mark.only_sqlite
def test_it_counts_as_stored(
    submit: Submit,
    complete: Callable[..., None],
    actions: DocumentActions,
    database: SqliteDatabase,
) -> None:
    def stored_bytes() -> int:
        with database.reading() as session:
            return session.get_one(OwnerTotals, OWNER).stored_bytes

    plain = submit(PDF, "a.pdf")
    before = stored_bytes()
    asked = submit(PDF, "a.pdf", options=asking("{}", None, "ä"))
    of_request = stored_bytes() - 2 * before
    complete(asked, answer='"ü"')
    of_answer = stored_bytes() - 2 * before - of_request

    assert (of_request, of_answer) == (2 + 2, len("Text") + 4)
    actions.delete(asked, owner=OWNER)
    actions.delete(plain, owner=OWNER)
    assert stored_bytes() == 0
    with closing(sqlite.connect(str(database.path), isolation_level=None)) as driver:
        assert owner_totals.differences(driver) == []
