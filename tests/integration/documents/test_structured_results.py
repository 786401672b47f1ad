"""Blocks, details and words of results: stored with the pages, read back, and gone with them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, PagePiece, PageRow, PageWords
from ilios.documents import page_rows, removal, result_pages, results
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.queries import DocumentReader
from ilios.documents.result_pages import StructuredPage
from ilios.engines import page_details, page_layout, page_text
from ilios.engines.base import Conversion, DocumentInfo, Page, Usage
from ilios.engines.page_details import ImageDetails
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block, Word
from ilios.engines.page_words import Words
from tests.integration.documents.conftest import OWNER
from tests.support import documents, structured

pytestmark = pytest.mark.both_databases

Read = Callable[[str], list[StructuredPage]]
PIECE = 100


@pytest.fixture
def read(reports: DocumentReader) -> Read:
    def read(document_id: str) -> list[StructuredPage]:
        found = reports.result(document_id, owner=OWNER)
        return list(found.structured_pages(with_blocks=True))

    return read


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_text, "PIECE_MAX_CHARACTERS", PIECE)
    monkeypatch.setattr(result_pages, "PIECE_MAX_CHARACTERS", PIECE)


def blocks_of(page: Page) -> list[Block]:
    assert page.layout is not None
    found = enumerate(page.layout.texts)
    return [block for number, text in found for block in page_layout.decode(text, number)]


def test_a_page_comes_back_with_all_that_is_known_of_it(database: Database, read: Read) -> None:
    given = [structured.page(index) for index in range(3)]

    found = read(structured.add_result(database, given, owner=OWNER))

    assert [page.number for page in found] == [1, 2, 3]
    for page, shown in zip(given, found, strict=True):
        assert "".join(shown.pieces()) == page.markdown
        assert (shown.width, shown.height, shown.dpi) == (595.3, 841.9, None)
        assert shown.confidence == 0.97
        assert shown.details == page_details.decode(page_details.encode(page))
        assert shown.details.images == {
            page.images[0].name: ImageDetails("Figure 1", '{"bird": "heron"}')
        }
        assert shown.image_names == {page.images[0].name}
        assert shown.has_blocks
        assert list(shown.blocks()) == blocks_of(page)
        assert [word.text for word in shown.words()][:2] == ["They", "stand"]


def test_the_texts_of_blocks_are_read_from_the_markdown(database: Database, read: Read) -> None:
    (page,) = read(structured.add_result(database, [structured.page(0)], owner=OWNER))

    texts = {block.type: "".join(page.text(block.start, block.end)) for block in page.blocks()}

    assert texts["title"] == "# Herons 1"
    assert texts["table"].endswith("| heron | 2 |")
    assert texts["footer"] == ""


def test_pages_without_structure_say_so(database: Database, read: Read) -> None:
    given = [structured.plain_page(0), replace(structured.plain_page(1), layout=Layout())]
    document_id = structured.add_result(database, given, owner=OWNER, info=None)

    plain, empty = read(document_id)

    assert (plain.has_blocks, empty.has_blocks) == (False, True)
    assert (list(plain.blocks()), list(empty.blocks()), list(plain.words())) == ([], [], [])
    assert (plain.confidence, plain.details) == (None, page_details.PageDetails())


def test_blocks_are_read_only_where_they_are_asked_for(
    database: Database, reports: DocumentReader
) -> None:
    document_id = structured.add_result(database, [structured.page(0)], owner=OWNER)

    (page,) = reports.result(document_id, owner=OWNER).structured_pages(with_blocks=False)

    assert not page.has_blocks
    assert page.details.footer == "page 1"


@pytest.mark.usefixtures("small_pieces")
def test_blocks_of_a_long_page_lie_beside_its_pieces(database: Database, read: Read) -> None:
    ends = [0, 30, 99, 100, 350, 1_000, 1_001, 1_200]
    blocks = [Block("text", a, b) for a, b in pairwise(ends)]
    blocks.append(Block("footer", 1_200, 1_200, text="the end"))
    markdown = "".join(chr(97 + place % 26) for place in range(1_200))
    given = replace(structured.plain_page(0, markdown), layout=Layout.of(blocks))

    (page,) = read(structured.add_result(database, [given], owner=OWNER))

    assert list(page.blocks()) == blocks
    for block in blocks:
        assert "".join(page.text(block.start, block.end)) == markdown[block.start : block.end]
    assert "".join(page.pieces()) == markdown
    with database.reading() as session:
        layouts = session.scalars(select(PagePiece.layout).order_by(PagePiece.number)).all()
    assert len(layouts) == 11
    assert None not in layouts


def test_pages_with_large_layouts_are_read_one_by_one(
    database: Database, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_rows, "READ_MAX_CHARACTERS", 1)

    found = read(structured.add_result(database, map(structured.page, range(5)), owner=OWNER))

    assert [page.number for page in found] == [1, 2, 3, 4, 5]


def test_what_a_document_says_of_itself_is_cut_and_told_by_its_duplicates(
    database: Database, reports: DocumentReader
) -> None:
    long = replace(structured.INFO, author="x" * 5_000)
    document_id = structured.add_result(database, [structured.page(0)], owner=OWNER, info=long)
    duplicate = structured.add_result(database, [], owner=OWNER)
    with database.writing() as session:
        session.get_one(Document, duplicate).result_of = document_id

    found = reports.result(duplicate, owner=OWNER).source().info

    assert found == replace(structured.INFO, author="x" * results.INFO_MAX_CHARACTERS)


def test_the_first_that_tells_of_a_document_is_believed(
    database: Database, reports: DocumentReader
) -> None:
    pages = (structured.plain_page(0), structured.plain_page(1), structured.plain_page(2))
    document_id, _ = documents.add_document(database, owner=OWNER)
    with database.writing() as session:
        for page, info in zip(pages, (None, structured.INFO, DocumentInfo()), strict=True):
            part = Conversion((page,), Usage(1, "m"), info=info)
            results.checkpoint(session, document_id, part, {})
        results.complete(session, document_id, clock.now())

    assert reports.result(document_id, owner=OWNER).source().info == structured.INFO


def test_nobody_looked_at_what_an_older_document_says(
    database: Database, reports: DocumentReader
) -> None:
    document_id = structured.add_result(
        database, [structured.plain_page(0)], owner=OWNER, info=None
    )

    assert reports.result(document_id, owner=OWNER).source().info is None


@pytest.mark.only_sqlite  # reads the file
def test_nothing_is_left_of_the_structure_of_a_deleted_document(
    database: Database, actions: DocumentActions, settings: Settings
) -> None:
    marker = "xyzzy-of-the-marker"
    page = structured.page(0)
    block = Block("footer", 0, 0, text=marker)
    marked = replace(page, header=marker, layout=Layout.of([block]))
    info = DocumentInfo(title=marker)
    gone = structured.add_result(database, [marked], owner=OWNER, info=info)
    kept = structured.add_result(database, [page], owner=OWNER)
    assert _holds(settings.data_folder, marker)

    actions.delete(gone, owner=OWNER)
    database.give_back()

    with database.reading() as session:
        assert session.get_one(Document, gone).info is None
        assert set(session.scalars(select(PageWords.document_id))) == {kept}
        assert session.scalar(select(func.count()).select_from(PageRow)) == 1
    assert not _holds(settings.data_folder, marker)


@pytest.mark.usefixtures("small_pieces")
def test_the_room_that_a_deletion_needs_is_that_of_all_that_goes(
    database: Database, actions: DocumentActions, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def noted(_: Session, size_bytes: int) -> AbstractContextManager[None]:
        sizes.append(size_bytes)
        return nullcontext()

    monkeypatch.setattr(removal, "zeroed_if_room", noted)
    long = replace(
        structured.plain_page(0, "ä" * 250),
        header="x",
        layout=Layout.of([]),
        words=Words.of([Word("ä", None, None)]),
    )

    actions.delete(structured.add_result(database, [long], owner=OWNER), owner=OWNER)

    assert sum(sizes) == 500 + len('{"header":"x"}') + 3 * len("[1]") + len('[["ä"]]'.encode())


def _holds(folder: Path, marker: str) -> bool:
    files = (path for path in folder.rglob("*") if path.is_file())
    return any(marker.encode() in path.read_bytes() for path in files)
