"""What was stored before there was an index is gone through in steps, and nothing of it is lost."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, update

from ilios.core import clock
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db import search_backfill, search_index
from ilios.db.database import Database
from ilios.db.models import Document
from ilios.db.name_blocks import BLOCK_DOCUMENTS
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents import indexing, removal
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.upkeep import Upkeep
from ilios.operations.search_admin import in_words
from tests.integration.documents.conftest import OWNER
from tests.support import documents, search_indexes
from tests.support.search_indexes import (
    MARKER,
    add,
    enter,
    holders,
    let_an_hour_pass,
    list_stored,
    make_anew,
    pending,
    progress,
    read,
    require_sound,
)

pytestmark = pytest.mark.both_databases

Found = Callable[[str], list[str]]


def list_some(database: Database, count: int) -> bool:
    with database.writing() as session:
        return search_backfill.list_documents(session, count)


def test_documents_are_indexed_as_they_were_submitted_whatever_their_ids(
    database: Database, upkeep: Upkeep
) -> None:
    stored = [add(database, "heron") for _ in range(9)]
    documents.add_document(database, owner=OWNER)  # has no pages: it does not wait
    make_anew(database)
    for number in range(4):
        assert pending(database) <= 2 * number
        assert progress(database).is_listing
        assert in_words(progress(database)) == "indexing: 0 %"
        assert list_some(database, 2)

    list_stored(database)

    assert progress(database) == indexing.Progress(9, 9, is_listing=False, is_malformed=False)
    waiting = read(database, "SELECT document_id FROM search_pending ORDER BY moment")
    assert [document_id for (document_id,) in waiting] == stored
    assert upkeep.run()
    assert in_words(progress(database)) == "ok"
    entries = read(database, "SELECT document_id FROM search_entries ORDER BY id")
    assert [document_id for (document_id,) in entries] == stored


def test_an_index_of_nothing_is_complete_at_once(database: Database) -> None:
    make_anew(database)

    assert progress(database).is_done
    assert read(database, "SELECT * FROM search_backfill") == []


@pytest.mark.only_sqlite
def test_a_start_looks_at_no_document(database: Database) -> None:
    for _ in range(3):
        add(database, "heron")

    make_anew(database)

    assert read(database, "SELECT count(*) FROM search_pending") == [(0,)]
    assert read(database, "SELECT count(*) FROM search_names") == [(0,)]
    assert read(database, "SELECT what, behind FROM search_backfill ORDER BY what") == [
        (search_index.DOCUMENTS, ""),
        (search_index.NAMES, ""),
    ]


@pytest.mark.only_sqlite
def test_what_is_stored_and_deleted_while_documents_are_listed(
    database: Database,
    settings: Settings,
    upkeep: Upkeep,
    actions: DocumentActions,
    found: Found,
) -> None:
    ids = sorted(add(database, f"heron {MARKER}") for _ in range(8))
    make_anew(database)
    assert list_some(database, 4)
    later = [add(database, "heron") for _ in range(3)]
    assert sorted(found("heron")) == sorted(later)
    for document_id in (ids[0], ids[7], later[0]):  # listed, not listed yet, and indexed
        actions.delete(document_id, owner=OWNER)
    require_sound(database)

    assert upkeep.run()

    assert sorted(found("heron")) == sorted([*ids[1:7], *later[1:]])
    require_sound(database)
    for document_id in ids[1:7]:
        actions.delete(document_id, owner=OWNER)
    let_an_hour_pass(database)
    assert upkeep.run()
    database.truncate_wal()
    assert holders(settings) == []
    require_sound(database)


def test_a_long_result_that_ends_while_documents_are_listed_is_indexed_whole(
    database: Database, upkeep: Upkeep, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = add(database, "egret")
    make_anew(database)
    monkeypatch.setattr(indexing, "MAX_CHARACTERS", 70_000)
    long = add(database, "heron", "filler " * 30_000 + "egret")
    assert found("egret") == []

    assert upkeep.run()

    assert sorted(found("egret")) == sorted([old, long])
    assert progress(database).is_done
    require_sound(database)


@pytest.mark.only_sqlite
def test_pages_of_a_document_that_is_being_deleted_are_found_by_nobody(
    database: Database, settings: Settings, upkeep: Upkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "PORTION_SECONDS", 0)
    gone = add(database, *(f"{MARKER} {number}" for number in range(5)))
    make_anew(database)
    with database.writing() as session:
        removal.tombstone(session, gone, gone, clock.now())
    list_stored(database)
    with database.writing() as session:
        indexing.add_pending(session, 1)
    require_sound(database)

    assert upkeep.run()

    let_an_hour_pass(database)
    assert upkeep.run()
    database.truncate_wal()
    assert read(database, "SELECT count(*) FROM search_entries") == [(0,)]
    assert holders(settings) == []
    require_sound(database)


@pytest.mark.only_sqlite
@pytest.mark.parametrize("step", ["list_documents", "pack_names"])
@pytest.mark.parametrize("place", ["between steps", "within a step"])
def test_a_backfill_that_is_killed_goes_on_where_it_was(
    database: Database,
    settings: Settings,
    upkeep: Upkeep,
    found: Found,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    place: str,
) -> None:
    monkeypatch.setattr("ilios.documents.upkeep.STEP_DOCUMENTS", 2)
    monkeypatch.setattr("ilios.documents.upkeep.STEP_BLOCKS", 1)
    stored = [add(database, "heron") for _ in range(9)]
    with database.writing() as session:
        named = [search_indexes.named("tern", clock.now()) for _ in range(4 * BLOCK_DOCUMENTS)]
        session.execute(insert(Document), named)
        session.execute(update(Document).where(Document.id == stored[0]).values(file_name="egret"))
    make_anew(database)
    before = read(database, "SELECT * FROM search_backfill ORDER BY what")

    for _ in range(2):
        child = os.fork()
        if not child:
            _die_after(settings, step, steps=2, within=place == "within a step")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        after = read(database, "SELECT * FROM search_backfill ORDER BY what")
        assert before != (before := after)
        assert found("egret") == stored[:1]
        require_sound(database)

    assert upkeep.run()
    assert sorted(found("heron")) == sorted(stored)
    assert found("egret") == stored[:1]
    assert progress(database).is_done
    assert read(database, "SELECT count(*) >= 3 FROM search_names") == [(1,)]
    assert read(database, "SELECT * FROM search_backfill") == []


def _die_after(settings: Settings, step: str, *, steps: int, within: bool) -> None:
    taken = 0
    take = getattr(search_backfill, step)

    def take_and_count(session: Any, count: int) -> bool:
        nonlocal taken
        is_more: bool = take(session, count)
        taken += 1
        if within:
            die_if_due()
        return is_more

    def die_if_due(_seconds: float = 0) -> None:
        if taken > steps:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(search_backfill, step, take_and_count)
    Upkeep(SqliteDatabase(settings.database_path), DiskReserve(settings), pause=die_if_due).run()
    os._exit(1)


@pytest.mark.only_sqlite
def test_an_index_that_is_made_anew_again_leaves_the_larger_one_to_be_emptied(
    database: Database, settings: Settings, upkeep: Upkeep, actions: DocumentActions, found: Found
) -> None:
    ids = [add(database, f"heron {MARKER}") for _ in range(5)]
    make_anew(database)
    first = read(database, "SELECT count(*) FROM search_old_index_data")
    later = add(database, "heron")

    make_anew(database)

    assert read(database, "SELECT count(*) FROM search_old_index_data") == first
    assert upkeep.run()
    assert sorted(found("heron")) == sorted([*ids, later])
    assert read(database, "SELECT name FROM sqlite_master WHERE name LIKE 'search_old%'") == []
    for document_id in ids:
        actions.delete(document_id, owner=OWNER)
    let_an_hour_pass(database)
    assert upkeep.run()
    database.truncate_wal()
    assert holders(settings) == []
    require_sound(database)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_in_between_all_is_found_in_the_end(
    database: Database, upkeep: Upkeep, actions: DocumentActions, found: Found, seed: int
) -> None:
    choose = random.Random(seed)  # noqa: S311  # nothing secret
    stored: set[str] = set()

    def delete() -> None:
        if stored:
            stored.remove(gone := choose.choice(sorted(stored)))
            actions.delete(gone, owner=OWNER)

    def index() -> None:
        if not progress(database).is_listing:
            with database.writing() as session:
                indexing.add_pending(session, 1)

    changes: list[Callable[[], object]] = [
        *[lambda: stored.add(add(database, "heron", f"word{len(stored)}"))] * 2,
        lambda: stored.add(enter(database, "heron")),
        *[lambda: list_some(database, choose.randrange(1, 4))] * 3,
        *[index] * 3,
        delete,
    ]
    for number in range(60):
        if number % 20 == 10:
            make_anew(database)
        choose.choice(changes)()
        require_sound(database)
        assert set(found("heron")) <= stored

    assert upkeep.run()

    assert set(found("heron")) == stored
    require_sound(database)
