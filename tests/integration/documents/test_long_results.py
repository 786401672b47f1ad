"""Results of long pages: stored and read in pieces, whole for whoever asks for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from ilios.db.database import Database
from ilios.db.models import PagePiece
from ilios.documents import page_rows, result_pages
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.queries import DocumentReader
from ilios.engines import page_text
from tests.integration.documents.conftest import OWNER
from tests.support.api_working import InTestWorker

pytestmark = pytest.mark.both_databases

Submit = Callable[..., str]
TextOf = Callable[[str], list[str]]
PIECE = 100


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_text, "PIECE_MAX_CHARACTERS", PIECE)
    monkeypatch.setattr(result_pages, "PIECE_MAX_CHARACTERS", PIECE)


def pieces_stored(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(PagePiece)) or 0


@pytest.mark.parametrize("length", [1, PIECE - 1, PIECE, PIECE + 1, 4 * PIECE, 11 * PIECE + 3])
def test_a_page_is_whole_however_many_pieces_it_has(
    submit: Submit, worker: InTestWorker, text_of: TextOf, database: Database, length: int
) -> None:
    text = ("äb€🙂" * length)[:length]
    document_id = submit(text.encode())

    worker.work()

    assert text_of(document_id) == [text]
    assert pieces_stored(database) == (length - 1) // PIECE


def test_pages_long_and_short_come_in_order(
    submit: Submit,
    worker: InTestWorker,
    text_of: TextOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page_rows, "READ_MAX_CHARACTERS", 3 * PIECE)
    lengths = [5, 250, 100, 7, 0, 101, *[30] * 120, 333]
    texts = [chr(97 + number % 26) * length for number, length in enumerate(lengths)]
    document_id = submit("\n".join(texts).encode())

    worker.work()

    assert text_of(document_id) == texts


def test_nothing_is_left_of_the_pieces_of_a_deleted_document(
    submit: Submit, worker: InTestWorker, actions: DocumentActions, database: Database
) -> None:
    gone, kept = submit(b"x" * 1_000), submit(b"y" * 1_000)
    worker.work()
    assert pieces_stored(database) == 18

    actions.delete(gone, owner=OWNER)

    assert pieces_stored(database) == 9
    with database.reading() as session:
        assert set(session.scalars(select(PagePiece.document_id))) == {kept}


def test_a_document_that_is_deleted_while_it_is_sent_ends_where_it_was(
    submit: Submit, worker: InTestWorker, actions: DocumentActions, reports: DocumentReader
) -> None:
    document_id = submit(b"x" * 1_000 + b"\nmore")
    worker.work()
    pages = reports.result(document_id, owner=OWNER).pages()

    pieces = next(pages).pieces()
    sent = [next(pieces)]
    actions.delete(document_id, owner=OWNER)

    assert sent + list(pieces) == ["x" * PIECE]
    assert [list(page.pieces()) for page in pages] in ([], [["more"]])
