"""The blocks of names hold what the documents are called, whatever is submitted and deleted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from ilios.db import search_backfill, search_index
from ilios.db.driver import sqlite
from ilios.db.models import Document, DocumentStatus
from ilios.db.name_blocks import BLOCK_DOCUMENTS
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents.listing import Filter, list_after
from tests.support.search_indexes import make_anew, named, read

OWNERS = ("somebody", "somebody else")
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
PARTS = ("Report 1", "a", "7.pdf", "É", "no such name", "%", "\n")


class Names:
    """Documents with names and moments, beside a plain list of them."""

    session: Session

    def __init__(self, database: SqliteDatabase, seed: int) -> None:
        self.database = database
        self._random = random.Random(seed)  # noqa: S311  # nothing secret
        self._documents: dict[str, tuple[str, datetime, str]] = {}  #: owner, moment, name
        self._moment = BEGUN

    @contextmanager
    def changed(self) -> Iterator[None]:
        with self.database.writing() as self.session:
            yield

    def submit_many(self, count: int) -> None:
        with self.changed():
            for _ in range(count):
                self.submit()

    def submit(self) -> None:
        """Submit a document; some at the same moment, some after the clock was set back."""
        if self._random.random() < 0.01:
            self._moment -= timedelta(seconds=self._random.randrange(300))
        self._moment += timedelta(seconds=self._random.choice((0, 1, 1)))
        owner, name = self._random.choice(OWNERS), self._name()
        values = named(name, self._moment, owner)
        self.session.execute(insert(Document).values(values))
        self._documents[str(values["id"])] = owner, self._moment, name

    def rename(self) -> None:
        document_id = self._random.choice(list(self._documents))
        owner, moment, _ = self._documents[document_id]
        self._documents[document_id] = owner, moment, (name := self._name())
        self._update(document_id, file_name=name)

    def complete(self) -> None:
        self._update(self._random.choice(list(self._documents)), status=DocumentStatus.COMPLETED)

    def tombstone(self) -> None:
        self._update(self._pop(), status=DocumentStatus.DELETED)

    def remove(self) -> None:
        self.session.execute(delete(Document).where(Document.id == self._pop()))

    def _name(self) -> str:
        return f"{self._random.choice('RrE É%')}eport {self._random.randrange(200)}.pdf"

    def _pop(self) -> str:
        document_id = self._random.choice(list(self._documents))
        del self._documents[document_id]
        return document_id

    def _update(self, document_id: str, **columns: object) -> None:
        self.session.execute(update(Document).where(Document.id == document_id).values(**columns))

    def of(self, owner: str) -> Iterator[tuple[datetime, str, str]]:
        """Yield moment, id and name of an owner's documents, the newest first."""
        found = [
            (moment, document_id, name)
            for document_id, (whose, moment, name) in self._documents.items()
            if whose == owner
        ]
        yield from sorted(found, reverse=True)

    def require_right(self) -> None:
        with self.database.watching() as watch:
            for owner in OWNERS:
                documents = list(self.of(owner))
                blocks = watch.query(
                    "SELECT after, upto, names FROM search_names WHERE owner = ? ORDER BY upto",
                    owner,
                )
                ends = ["", *(upto for _, upto, _ in blocks)]
                assert [after for after, _, _ in blocks] == ends[:-1]
                for after, upto, names in blocks:
                    within = [name for at, _, name in documents if after < _text(at) <= upto]
                    assert sorted(names.split("\n") if names else []) == sorted(within)
                for part in PARTS:
                    wanted = [
                        (at, one) for at, one, name in documents if part.lower() in name.lower()
                    ]
                    for place in (None, *wanted[:: max(1, len(wanted) // 3)]):
                        behind = [one for one in wanted if place is None or one < place]
                        listed = list_after(watch, Filter(owner, q=part), place, 30)
                        assert [(one.created_at, one.id) for one in listed] == behind[:30]


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


@pytest.mark.parametrize("seed", range(3))
def test_a_part_of_names_finds_what_a_look_at_each_name_would(
    database: SqliteDatabase, seed: int
) -> None:
    names = Names(database, seed)
    names.submit_many(2 * BLOCK_DOCUMENTS)
    choose = random.Random(seed)  # noqa: S311  # nothing secret
    changes = (names.rename, names.complete, names.tombstone, names.remove)
    for _ in range(9):
        with names.changed():
            for _ in range(60):
                choose.choice((names.submit, names.submit, names.submit, choose.choice(changes)))()
        names.require_right()


def pack(database: SqliteDatabase, blocks: int = 1) -> bool:
    with database.writing() as session:
        return search_backfill.pack_names(session, blocks)


def count_blocks(database: SqliteDatabase) -> int:
    ((blocks,),) = read(database, "SELECT count(*) FROM search_names")
    return int(blocks)


def test_blocks_are_made_of_documents_that_are_there(database: SqliteDatabase) -> None:
    names = Names(database, seed=9)
    names.submit_many(5 * BLOCK_DOCUMENTS)

    make_anew(database)
    assert count_blocks(database) == 0
    names.require_right()
    while pack(database, 9):
        pass

    names.require_right()
    assert count_blocks(database) >= 2 * len(OWNERS)
    names.submit_many(3 * BLOCK_DOCUMENTS)
    names.require_right()


@pytest.mark.parametrize("seed", range(3))
def test_names_are_found_while_blocks_of_them_are_made(database: SqliteDatabase, seed: int) -> None:
    names = Names(database, seed)
    names.submit_many(6 * BLOCK_DOCUMENTS)
    make_anew(database)
    choose = random.Random(seed)  # noqa: S311  # nothing secret
    changes = (names.submit, names.rename, names.complete, names.tombstone, names.remove)
    is_more = True
    while is_more:
        with names.changed():
            for _ in range(5):
                choose.choice(changes)()
        names.require_right()
        is_more = pack(database)
        names.require_right()

    assert count_blocks(database)
    assert not pack(database)


def test_a_deleted_name_leaves_no_byte(database: SqliteDatabase) -> None:
    names = Names(database, seed=1)
    names.submit_many(4 * BLOCK_DOCUMENTS)
    with database.writing() as session:
        session.execute(update(Document).values(file_name="secret.pdf"))
    database.truncate_wal()
    assert database.path.read_bytes().count(b"secret.pdf") > 4 * BLOCK_DOCUMENTS

    with database.writing() as session:
        session.execute(update(Document).values(status=DocumentStatus.DELETED, file_name=""))
    database.truncate_wal()

    assert b"secret.pdf" not in database.path.read_bytes()


def test_a_name_that_is_deleted_while_blocks_are_made_leaves_no_byte(
    database: SqliteDatabase,
) -> None:
    names = Names(database, seed=1)
    names.submit_many(6 * BLOCK_DOCUMENTS)
    with database.writing() as session:
        session.execute(update(Document).values(file_name="secret.pdf"))
    with closing(sqlite.connect(str(database.path), isolation_level=None)) as migration:
        migration.execute("PRAGMA secure_delete=OFF")
        migration.execute("BEGIN IMMEDIATE")
        search_index.make_anew(migration)
        migration.execute("COMMIT")
    assert pack(database, 2)
    assert count_blocks(database) == 1

    with database.writing() as session:
        session.execute(update(Document).values(status=DocumentStatus.DELETED, file_name=""))

    while True:
        database.truncate_wal()
        assert b"secret.pdf" not in database.path.read_bytes()
        if not pack(database):
            break
