"""What each owner holds: exact whatever is done to documents and pages, and counted anew if not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from ilios.core.settings import Settings
from ilios.db import owner_totals
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, OwnerTotals, PagePiece, PageRow, PageWords
from ilios.db.owner_totals import DOCUMENT_OVERHEAD_BYTES, Difference
from tests.support import documents
from tests.support.migrating import upgrade

pytestmark = pytest.mark.both_databases

HELLO = 5 + DOCUMENT_OVERHEAD_BYTES


@pytest.fixture
def driver(database: Database) -> Iterator[Any]:
    with database.watching() as watch:
        yield watch.driver


def totals(database: Database, owner: str = "anonymous") -> tuple[int, int, int]:
    sums = select(
        func.sum(OwnerTotals.stored_bytes),
        func.sum(OwnerTotals.announced_bytes),
        func.sum(OwnerTotals.waiting_documents),
    ).where(OwnerTotals.owner == owner)
    with database.reading() as session:
        stored, announced, waiting = session.execute(sums).one()
        return stored, announced, waiting


def change(database: Database, document_id: str, **values: Any) -> None:
    with database.writing() as session:
        session.execute(update(Document).where(Document.id == document_id).values(**values))


def add_page(database: Database, document_id: str, markdown: str, image_bytes: int = 0) -> None:
    with database.writing() as session:
        session.add(
            PageRow(
                document_id=document_id,
                index=0,
                markdown=markdown,
                images=[],
                image_bytes=image_bytes,
            )
        )


def test_a_document_counts_while_it_is_stored_and_while_it_waits(
    database: Database, driver: Any
) -> None:
    document_id, _ = documents.add_document(database)
    seen = [totals(database)]
    for values in (
        {"status": DocumentStatus.PROCESSING, "part_bytes": 100},
        {"status": DocumentStatus.COMPLETED, "part_bytes": 0},
        {"status": DocumentStatus.DELETED, "to_erase": True},
        {"storage_key": "", "to_erase": False},
    ):
        change(database, document_id, **values)
        seen.append(totals(database))

    assert seen == [(HELLO, 0, 1), (HELLO + 100, 0, 1), (HELLO, 0, 0), (HELLO, 0, 0), (0, 0, 0)]
    assert owner_totals.differences(driver) == []


def test_what_is_announced_counts_as_stored_and_is_known_to_be_missing(
    database: Database,
) -> None:
    document_id, _ = documents.add_document(database)

    change(database, document_id, status=DocumentStatus.AWAITING_UPLOAD, sha256=None)
    announced = totals(database)
    change(database, document_id, status=DocumentStatus.PENDING)

    assert (announced, totals(database)) == ((HELLO, 5, 1), (HELLO, 0, 1))


def test_pages_count_in_bytes_with_their_images(database: Database, driver: Any) -> None:
    document_id, _ = documents.add_document(database)

    add_page(database, document_id, "äöü", image_bytes=1000)
    with_page = totals(database)
    with database.writing() as session:
        session.execute(update(PageRow).values(markdown="ä", image_bytes=1))
    changed = totals(database)
    with database.writing() as session:
        session.execute(delete(PageRow).where(PageRow.document_id == document_id))

    assert (with_page, changed) == ((HELLO + 6 + 1000, 0, 1), (HELLO + 2 + 1, 0, 1))
    assert totals(database) == (HELLO, 0, 1)
    assert owner_totals.differences(driver) == []


def test_the_pieces_of_a_long_page_count_until_their_page_is_removed(
    database: Database, driver: Any
) -> None:
    document_id, _ = documents.add_document(database)
    add_page(database, document_id, "äöü")
    seen = []

    with database.writing() as session:
        session.add_all(
            PagePiece(document_id=document_id, index=0, number=number, markdown="ä" * 10)
            for number in (1, 2)
        )
    seen.append(totals(database)[0])
    with database.writing() as session:
        session.execute(update(PagePiece).where(PagePiece.number == 2).values(markdown="ä"))
    seen.append(totals(database)[0])
    owner_totals.recount(driver)
    seen.append(totals(database)[0])
    with database.writing() as session:
        session.execute(delete(PageRow).where(PageRow.document_id == document_id))
    seen.append(totals(database)[0])

    assert seen == [HELLO + 6 + 40, HELLO + 6 + 22, HELLO + 6 + 22, HELLO]
    assert owner_totals.differences(driver) == []


def test_the_structure_of_pages_counts_until_they_are_removed(
    database: Database, driver: Any
) -> None:
    document_id, _ = documents.add_document(database)
    add_page(database, document_id, "äöü")
    seen = []

    with database.writing() as session:
        session.execute(update(PageRow).values(details="{}", layout="[1,ä]"))
        key = {"document_id": document_id, "index": 0}
        session.add(PagePiece(**key, number=1, markdown="ä", layout="[1]"))
        session.add(PageWords(**key, number=0, words="[ä]"))
    seen.append(totals(database)[0])
    with database.writing() as session:
        session.execute(update(PageRow).values(details=None, layout="[1]"))
        session.execute(update(PagePiece).values(layout=None))
        session.execute(update(PageWords).values(words="[]"))
    seen.append(totals(database)[0])
    found = owner_totals.differences(driver)
    with database.writing() as session:
        session.execute(delete(PageRow).where(PageRow.document_id == document_id))
    seen.append(totals(database)[0])

    assert seen == [HELLO + 6 + 2 + 6 + 2 + 3 + 4, HELLO + 6 + 3 + 2 + 2, HELLO]
    assert found == owner_totals.differences(driver) == []


def test_a_document_that_is_removed_takes_its_pages_along(database: Database, driver: Any) -> None:
    document_id, _ = documents.add_document(database, owner="a")
    add_page(database, document_id, "page")

    with database.writing() as session:
        session.execute(delete(Document).where(Document.id == document_id))

    assert totals(database, "a") == (0, 0, 0)
    assert owner_totals.differences(driver) == []


def test_a_row_that_is_wrong_is_found_and_counted_anew(database: Database, driver: Any) -> None:
    documents.add_document(database, owner="a")
    documents.add_document(database, owner="b")
    driver.execute(
        "UPDATE owner_totals SET stored_bytes = 1, waiting_documents = 7 WHERE owner = 'a'"
    )
    driver.execute("DELETE FROM owner_totals WHERE owner = 'b'")
    driver.execute("INSERT INTO owner_totals VALUES ('nobody', 1, 0, 0)")

    found = owner_totals.differences(driver)
    owner_totals.recount(driver)

    assert sorted(found, key=lambda one: one.owner) == [
        Difference("a", (1, 0, 7), (HELLO, 0, 1)),
        Difference("b", (0, 0, 0), (HELLO, 0, 1)),
        Difference("nobody", (1, 0, 0), (0, 0, 0)),
    ]
    assert owner_totals.differences(driver) == []


@pytest.mark.only_sqlite
def test_a_start_makes_triggers_that_are_missing_and_counts_what_passed(
    settings: Settings, database: Database, driver: Any
) -> None:
    driver.execute(f"DROP TRIGGER {owner_totals.PREFIX}document_added")
    documents.add_document(database, owner="a")
    assert not owner_totals.are_installed(driver)

    upgrade(settings)

    assert owner_totals.are_installed(driver)
    assert totals(database, "a") == (HELLO, 0, 1)


@pytest.mark.only_sqlite
def test_a_start_does_not_count_when_nothing_is_missing(
    settings: Settings, database: Database, driver: Any
) -> None:
    documents.add_document(database, owner="a")
    driver.execute("UPDATE owner_totals SET stored_bytes = 1")

    upgrade(settings)

    assert totals(database, "a") == (1, 0, 1)
