"""The embedded engine where it works: in the parser child of a real worker."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, PageRow
from ilios.db.sqlite_database import SqliteDatabase
from ilios.engines.detection import media_types
from tests.support import documents
from tests.support.forking import REPOSITORY
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]
Convert = Callable[..., tuple[Document, list[PageRow]]]
SAMPLES = REPOSITORY / "samples"
TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Convert]:
    """Convert bytes in a real worker, one for all; gives the document and its pages."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("real"), log_format="console")
    data_folder.prepare(settings)
    shutil.copy(migrated_file, settings.database_path)
    settings = settings.model_copy(update={"worker_count": 1})

    def convert(
        content: bytes, mime_type: str, pages: str | None = None
    ) -> tuple[Document, list[PageRow]]:
        document_id, _ = documents.add_document(
            database, settings=settings, content=content, mime_type=mime_type, pages=pages
        )
        wait_until(lambda: documents.document(database, document_id).processed_at, TIMEOUT_S)
        with database.reading() as session:
            query = select(PageRow).where(PageRow.document_id == document_id)
            rows = list(session.scalars(query.order_by(PageRow.index)))
        return documents.document(database, document_id), rows

    with (
        closing(SqliteDatabase(settings.database_path)) as database,
        closing(SupervisorProcess(settings, "real")) as supervisor,
    ):
        supervisor.wait_until_ready()
        yield convert


def test_a_pdf_keeps_its_table(convert: Convert) -> None:
    document, (page,) = convert((SAMPLES / "invoice.pdf").read_bytes(), media_types.PDF)

    assert document.status is DocumentStatus.COMPLETED
    assert document.warnings == []
    row = next(line for line in page.markdown.splitlines() if "HL-210" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "HL-210",
        "Solar spectrometer, bench model",
        "2",
        "£1,840.00",
        "£3,680.00",
    ]
    assert page.width == pytest.approx(595, abs=2)  # points: A4 is 210 mm wide
    assert page.dpi is None


def test_a_scan_is_read(convert: Convert) -> None:
    document, pages = convert((SAMPLES / "scanned-letter.pdf").read_bytes(), media_types.PDF)

    assert document.status is DocumentStatus.COMPLETED
    assert len(pages) == document.page_count
    assert len(pages[0].markdown.split()) > 50


def test_what_is_wrong_with_a_file_comes_back_as_a_sentence_and_a_code(convert: Convert) -> None:
    encrypted = (REPOSITORY / "tests" / "samples" / "encrypted.pdf").read_bytes()

    document, pages = convert(encrypted, media_types.PDF)

    assert (document.status, document.error_code) == (DocumentStatus.FAILED, "encrypted_document")
    assert document.error is not None
    assert "password" in document.error
    assert pages == []


def test_pages_beyond_the_document_fail_with_what_it_has(convert: Convert) -> None:
    document, _ = convert((SAMPLES / "invoice.pdf").read_bytes(), media_types.PDF, pages="2-3")

    assert (document.status, document.error_code) == (DocumentStatus.FAILED, "pages_out_of_range")
    assert document.error is not None
    assert "1 page" in document.error


def test_a_parser_that_is_killed_costs_a_retry_and_nothing_else(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor("real", worker_count=1)
    scan = (SAMPLES / "scanned-letter.pdf").read_bytes()
    document_id, job_id = documents.add_document(
        database, settings=settings, content=scan, mime_type=media_types.PDF
    )
    (worker,) = supervisor.workers
    wait_until(worker.children, TIMEOUT_S)

    for parser in psutil.Process(worker.pid).children():
        parser.kill()

    wait_until(lambda: documents.job(database, job_id).crashes == 1, TIMEOUT_S)
    wait_until(lambda: documents.document(database, document_id).processed_at, TIMEOUT_S)
    assert documents.document(database, document_id).status is DocumentStatus.COMPLETED
    assert worker.is_running()
