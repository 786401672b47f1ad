"""The full-text index follows what is stored and deleted, whatever is killed or damaged."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import DatabaseError

from ilios.core import clock
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db import search_index
from ilios.db.database import Database
from ilios.db.models import Batch
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents import indexing, removal
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.upkeep import Upkeep
from ilios.operations.search_admin import SearchAdmin, in_words
from tests.integration.documents.conftest import OWNER
from tests.support.reopening import reopened
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
    segments,
    write,
)


@pytest.mark.both_databases
def test_what_is_indexed_is_what_is_stored(database: Database) -> None:
    add(database, "heron", "", "猫の本 heron", "heron " * 30_000)
    add(database, *(f"page {number}" for number in range(120)))

    require_sound(database)
    assert read(database, "SELECT count(*) FROM search_entries") == [(126,)]
    assert pending(database) == 0


def test_a_result_is_found_before_it_is_indexed_and_after(
    database: SqliteDatabase, upkeep: Upkeep, found: Callable[[str], list[str]]
) -> None:
    entered = [enter(database, f"heron {number}", "猫の本") for number in range(9)]
    assert segments(database) == 0
    assert sorted(found("heron")) == sorted(found("猫の本")) == sorted(entered)
    require_sound(database)

    assert upkeep.run()

    assert segments(database) == 1  # all together
    assert sorted(found("heron")) == sorted(found("猫の本")) == sorted(entered)
    require_sound(database)


def test_what_is_deleted_before_it_is_indexed_is_taken_out_of_nothing(
    database: SqliteDatabase,
    upkeep: Upkeep,
    actions: DocumentActions,
    found: Callable[[str], list[str]],
) -> None:
    kept = add(database, "heron")
    actions.delete(add(database, "heron"), owner=OWNER)  # the newest number that was indexed
    gone = enter(database, "heron", "heron")
    assert sorted(found("heron")) == sorted([kept, gone])

    actions.delete(gone, owner=OWNER)
    later = enter(database, "heron")

    for _ in range(2):
        assert sorted(found("heron")) == sorted([kept, later])
        require_sound(database)
        assert upkeep.run()


def test_no_more_waits_to_be_indexed_than_a_search_may_read(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "ENTERED_CHARACTERS", 3_000)
    waiting = []
    for page in ("heron", "word " * 400, "heron", "heron", "egret " * 900):
        enter(database, page)
        waiting.append(characters_waiting(database))

    assert waiting == [500, 2_500, 3_000, 0, 0]
    require_sound(database)


def test_a_worker_indexes_what_was_entered_once_that_is_worth_a_step(
    database: SqliteDatabase, upkeep: Upkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ilios.documents.upkeep.STEP_CHARACTERS", 1_500)
    waiting = []
    for _ in range(4):
        enter(database, "heron")
        upkeep.index_entered()
        waiting.append(characters_waiting(database))

    assert waiting == [500, 1_000, 0, 500]


def characters_waiting(database: SqliteDatabase) -> int:
    with database.watching() as watch:
        return indexing.extent(watch).waiting


def test_no_byte_of_a_deleted_page_is_left_in_index_or_log(
    database: SqliteDatabase, settings: Settings, upkeep: Upkeep, actions: DocumentActions
) -> None:
    gone = add(database, f"{MARKER} heron", "more", f"{MARKER}2 " * 20_000, f"猫{MARKER}の本")
    kept = add(database, "heron", "猫の本")
    assert holders(settings)

    actions.delete(gone, owner=OWNER)
    require_sound(database)
    assert upkeep.run()
    database.truncate_wal()

    assert holders(settings) == []
    require_sound(database)
    assert read(database, "SELECT DISTINCT document_id FROM search_entries") == [(kept,)]


def test_a_merge_brings_no_deleted_word_back(
    database: SqliteDatabase, settings: Settings, actions: DocumentActions
) -> None:
    gone = add(database, f"{MARKER} heron")
    for number in range(30):
        add(database, f"heron {number}")
    actions.delete(gone, owner=OWNER)

    write(database, "INSERT INTO search_index (search_index) VALUES ('optimize')")
    database.truncate_wal()

    assert holders(settings) == []
    require_sound(database)


def test_a_word_is_found_and_deleted_after_a_frequent_one_beside_it_was(
    database: SqliteDatabase, actions: DocumentActions, found: Callable[[str], list[str]]
) -> None:
    frequent = add(database, *["report " * 700] * 40)
    rare = [add(database, "amount paid") for _ in range(20)]
    # In one part of the index, where "paid" is the last word before "report".
    write(database, "INSERT INTO search_index (search_index) VALUES ('optimize')")

    actions.delete(frequent, owner=OWNER)
    assert sorted(found("amount paid")) == sorted(rare)
    require_sound(database)

    for document_id in reversed(rare):
        actions.delete(document_id, owner=OWNER)
    require_sound(database)


def words_of(number: int) -> str:
    return " ".join(f"{MARKER}{number:03}{word:03}" for word in range(100))


def separators(database: SqliteDatabase) -> set[int]:
    """Return of which documents, as `words_of` has numbered them, segments' pages begin."""
    terms = read(database, "SELECT CAST(term AS TEXT) FROM search_index_idx")
    return {int(found[1]) for (term,) in terms if (found := re.search(rf"{MARKER}(\d{{3}})", term))}


def test_no_word_by_which_the_index_finds_its_pages_is_left_either(
    database: SqliteDatabase, settings: Settings, upkeep: Upkeep, actions: DocumentActions
) -> None:
    documents = {number: add(database, words_of(number)) for number in range(60)}
    assert upkeep.run()
    for _ in range(2):
        gone = separators(database)
        for number in gone:
            actions.delete(documents.pop(number), owner=OWNER)
        assert gone & separators(database)

        assert upkeep.run()

        assert not gone & separators(database)
        database.truncate_wal()
        held = b"".join(path.read_bytes() for path in holders(settings))
        assert not any(f"{MARKER}{number:03}".encode() in held for number in gone)
        require_sound(database)
        version = read(database, "PRAGMA data_version")
        assert upkeep.run()
        assert read(database, "PRAGMA data_version") == version
        let_an_hour_pass(database)


def test_what_is_deleted_soon_after_a_rewrite_waits_for_the_next(
    database: SqliteDatabase, upkeep: Upkeep, actions: DocumentActions
) -> None:
    documents = {number: add(database, words_of(number)) for number in range(60)}
    actions.delete(documents.pop(0), owner=OWNER)
    assert upkeep.run()
    gone = separators(database)
    for number in gone:
        actions.delete(documents.pop(number), owner=OWNER)

    assert upkeep.run()
    assert gone & separators(database)

    let_an_hour_pass(database)
    assert upkeep.run()
    assert not gone & separators(database)


def test_a_rewrite_ends_while_documents_are_added(
    database: SqliteDatabase,
    settings: Settings,
    upkeep: Upkeep,
    actions: DocumentActions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    documents = {number: add(database, words_of(number)) for number in range(60)}
    assert upkeep.run()
    gone = separators(database)
    for number in gone:
        actions.delete(documents.pop(number), owner=OWNER)
    monkeypatch.setattr("ilios.documents.upkeep.STEP_PAGES", 1)
    added: list[str] = []

    def add_three(_seconds: float) -> None:
        if len(added) < 3:
            added.append(add(database, "heron"))

    assert Upkeep(database, DiskReserve(settings), pause=add_three).run()

    assert len(added) == 3
    assert not gone & separators(database)
    require_sound(database)


def test_what_is_deleted_during_a_rewrite_leaves_no_word(
    database: SqliteDatabase,
    settings: Settings,
    actions: DocumentActions,
    found: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ilios.documents.upkeep.STEP_PAGES", 1)
    for number in range(10):
        add(database, " ".join(f"egret{number}x{word}" for word in range(200)))
    hit = add(database, f"{MARKER} " * 150)
    actions.delete(add(database, "heron"), owner=OWNER)
    left: list[str] = []

    def delete_it(_seconds: float) -> None:
        if not left and read(database, "SELECT 1 FROM search_state WHERE name = 'rewriting'"):
            actions.delete(hit, owner=OWNER)
            left.extend(found(MARKER))
            require_sound(database)
            left.append("nothing of it")

    upkeep = Upkeep(database, DiskReserve(settings), pause=delete_it)
    assert upkeep.run()
    assert left == ["nothing of it"]

    let_an_hour_pass(database)
    assert upkeep.run()
    database.truncate_wal()
    assert holders(settings) == []
    require_sound(database)


def test_what_documents_have_added_is_merged_by_the_workers(
    database: SqliteDatabase, upkeep: Upkeep, found: Callable[[str], list[str]]
) -> None:
    documents = [add(database, f"heron {number}") for number in range(20)]
    assert segments(database) == 20

    assert upkeep.run()

    assert segments(database) == 1
    assert sorted(found("heron")) == sorted(documents)
    require_sound(database)
    version = read(database, "PRAGMA data_version")
    assert upkeep.run()
    assert read(database, "PRAGMA data_version") == version  # nothing is written for nothing


def test_what_deletions_have_added_is_merged_by_the_workers(
    database: SqliteDatabase, upkeep: Upkeep, actions: DocumentActions
) -> None:
    documents = [add(database, f"heron {number}") for number in range(60)]
    actions.delete(documents.pop(), owner=OWNER)
    assert upkeep.run()
    for document_id in documents[:20]:
        actions.delete(document_id, owner=OWNER)
    assert segments(database) == 21

    assert upkeep.run()

    assert segments(database) < 5
    require_sound(database)


def test_nothing_is_left_of_an_index_of_which_all_is_deleted(
    database: SqliteDatabase, settings: Settings, upkeep: Upkeep, actions: DocumentActions
) -> None:
    documents = [add(database, words_of(number)) for number in range(20)]
    for document_id in documents:
        actions.delete(document_id, owner=OWNER)

    assert upkeep.run()

    assert segments(database) == 0
    database.truncate_wal()
    assert holders(settings) == []


def test_segments_that_nobody_merges_stay_few(
    database: SqliteDatabase, found: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [add(database, "heron") for _ in range(search_index.SEGMENTS_MAX + 3)]

    assert segments(database) <= 4
    assert sorted(found("heron")) == sorted(documents[-50:])
    require_sound(database)


@pytest.mark.both_databases
def test_the_rest_of_a_long_result_is_indexed_later(
    database: Database,
    upkeep: Upkeep,
    found: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(indexing, "MAX_CHARACTERS", 70_000)
    monkeypatch.setattr("ilios.documents.upkeep.STEP_CHARACTERS", 70_000)
    document_id = add(database, "heron", "filler " * 30_000 + "egret", "bittern")
    assert (found("heron"), found("egret")) == ([document_id], [])
    assert pending(database) == 1

    assert upkeep.run()

    assert found("egret") == found("bittern") == [document_id]
    assert pending(database) == 0
    require_sound(database)


@pytest.mark.both_databases
def test_what_was_stored_before_there_was_an_index_is_indexed_in_steps(
    database: Database,
    upkeep: Upkeep,
    found: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ilios.documents.upkeep.STEP_CHARACTERS", 1)
    documents = [add(database, "heron", "heron") for _ in range(5)]
    make_anew(database)
    list_stored(database)
    assert found("heron") == []
    assert pending(database) == 5
    later = add(database, "heron")
    assert found("heron") == [later]

    with database.writing() as session:
        assert indexing.add_pending(session, 1)
    assert progress(database).percent == 0

    assert upkeep.run()

    assert sorted(found("heron")) == sorted([*documents, later])
    require_sound(database)
    if not database.is_remote:
        tables = "SELECT name FROM sqlite_master WHERE name LIKE 'search_old%'"
        assert read(database, tables) == []


@pytest.mark.both_databases
def test_an_operator_has_the_index_made_anew(
    database: Database, upkeep: Upkeep, found: Callable[[str], list[str]]
) -> None:
    documents = [add(database, "heron", "egret") for _ in range(3)]
    admin = SearchAdmin(database)
    admin.rebuild()
    admin.rebuild()
    assert in_words(admin.progress()) == "is made anew"

    assert upkeep.run()

    assert in_words(admin.progress()) == "ok"
    assert sorted(found("heron")) == sorted(documents)
    assert read(database, "SELECT count(*) FROM search_entries") == [(6,)]
    require_sound(database)


@pytest.mark.both_databases
def test_a_new_index_has_the_newest_pages_last_as_searches_take_them_to_be(
    database: Database, upkeep: Upkeep
) -> None:
    documents = [add(database, "heron") for _ in range(12)]
    make_anew(database)

    assert upkeep.run()

    entries = read(database, "SELECT document_id FROM search_entries ORDER BY id")
    assert [document_id for (document_id,) in entries] == documents


@pytest.mark.both_databases
def test_a_run_that_is_killed_goes_on_where_it_was(
    database: Database, settings: Settings, upkeep: Upkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ilios.documents.upkeep.STEP_CHARACTERS", 1)
    for _ in range(6):
        add(database, "heron", "egret")
    make_anew(database)
    list_stored(database)

    for place in ("between steps", "within a step"):
        before = pending(database)
        child = os.fork()
        if not child:
            _die_after(database, settings, steps=2, within=place == "within a step")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert 0 < pending(database) < before
        require_sound(database)

    assert upkeep.run()
    require_sound(database)
    assert read(database, "SELECT count(*) FROM search_entries") == [(12,)]


def _die_after(database: Database, settings: Settings, *, steps: int, within: bool) -> None:
    taken = 0
    add_pending = indexing.add_pending

    def add_and_count(session: Any, characters: int) -> bool:
        nonlocal taken
        is_more = add_pending(session, characters)
        taken += 1
        if within:
            die_if_due()
        return is_more

    def die_if_due(_seconds: float = 0) -> None:
        if taken > steps:
            os.kill(os.getpid(), signal.SIGKILL)

    indexing.add_pending = add_and_count
    Upkeep(reopened(database), DiskReserve(settings), pause=die_if_due).run()
    os._exit(1)


def test_a_long_document_is_deleted_in_portions(
    database: SqliteDatabase,
    settings: Settings,
    upkeep: Upkeep,
    actions: DocumentActions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(removal, "PORTION_SECONDS", 0)
    document_id = add(database, *(f"{MARKER} {number}" for number in range(5)))
    with database.writing() as session:
        removal.tombstone(session, document_id, document_id, clock.now())
    with database.writing() as session:
        assert removal.delete_pages(session, document_id)
    assert read(database, 'SELECT max("index") FROM pages') == [(3,)]
    with database.writing() as session:  # as if its objects were gone
        assert not removal.close(session, document_id, keeps_images=False)

    assert upkeep.run()

    database.truncate_wal()
    assert read(database, "SELECT count(*) FROM pages") == [(0,)]
    assert holders(settings) == []


@pytest.mark.both_databases
def test_a_backlog_of_deletions_keeps_nothing_from_being_indexed(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "PORTION_SECONDS", 0)
    gone = add(database, *(f"{MARKER} {number}" for number in range(40)))
    add(database, "heron")
    make_anew(database)
    with database.writing() as session:
        removal.tombstone(session, gone, gone, clock.now())
    seen: set[tuple[int, ...]] = set()

    def note(_seconds: float) -> None:
        rows = [
            read(database, f"SELECT count(*) FROM {table}") for table in ("pages", "search_entries")
        ]
        seen.add(tuple(number for ((number,),) in rows))

    Upkeep(database, DiskReserve(settings), pause=note).run()

    assert any(pages > 1 and entries for pages, entries in seen)


def test_a_malformed_index_stops_no_conversion(
    database: SqliteDatabase, upkeep: Upkeep, found: Callable[[str], list[str]]
) -> None:
    first = add(database, "heron")
    write(database, "DELETE FROM search_index_data")

    second = enter(database, "egret")
    with pytest.raises(DatabaseError):
        upkeep.run()
    assert upkeep.run()

    assert (found("heron"), found("egret")) == ([first], [second])
    require_sound(database)


def test_a_malformed_index_stops_the_conversion_of_a_long_document_not_for_long(
    database: SqliteDatabase,
    upkeep: Upkeep,
    found: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(indexing, "ENTERED_CHARACTERS", 0)
    first = enter(database, "heron")
    write(database, "DELETE FROM search_index_data")

    with pytest.raises(DatabaseError):
        enter(database, "egret")
    assert upkeep.run()
    second = enter(database, "egret")

    assert (found("heron"), found("egret")) == ([first], [second])
    require_sound(database)


def test_a_damaged_file_is_reported_as_such(database: SqliteDatabase) -> None:
    add(database, "heron")
    database.truncate_wal()
    database.close()
    os.truncate(database.path, database.size_bytes() // 2)

    with pytest.raises(DatabaseError, match="malformed"):
        write(database, "DELETE FROM search_state")


def test_damage_outside_of_the_index_has_it_made_anew_once(
    database: SqliteDatabase, upkeep: Upkeep
) -> None:
    add(database, "heron")
    damage(database, "batches")
    for is_asked in (True, False):
        with pytest.raises(DatabaseError, match="malformed"):
            delete_batches(database)
        assert progress(database).is_malformed is is_asked

        assert upkeep.run()

    write(database, "DELETE FROM search_index_data")
    with pytest.raises(DatabaseError, match="fts5"):
        add(database, "egret")
    assert progress(database).is_malformed


def delete_batches(database: SqliteDatabase) -> None:
    with database.writing() as session:
        session.execute(delete(Batch))


def damage(database: SqliteDatabase, table: str) -> None:
    """Overwrite the first page of a table in the file."""
    ((page,),) = read(database, f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'")
    ((page_bytes,),) = read(database, "PRAGMA page_size")
    database.truncate_wal()
    database.close()
    with database.path.open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(bytes(page_bytes))


def test_the_workers_find_a_malformed_index_themselves(
    database: SqliteDatabase, upkeep: Upkeep
) -> None:
    for number in range(20):
        add(database, f"heron {number}")
    write(database, "DELETE FROM search_index_data WHERE id > 20")

    with pytest.raises(DatabaseError, match="fts5"):
        upkeep.run()
    assert upkeep.run()

    require_sound(database)


def test_nothing_is_indexed_on_a_full_disk(
    database: SqliteDatabase, settings: Settings, found: Callable[[str], list[str]]
) -> None:
    add(database, "heron")
    make_anew(database)
    is_short = replace_settings(settings, min_free_disk_bytes=2**60)
    upkeep = Upkeep(database, DiskReserve(is_short), pause=lambda _seconds: None)

    upkeep.run()

    assert progress(database).is_listing
    list_stored(database)
    upkeep.run()
    assert found("heron") == []
    assert pending(database) == 1


def replace_settings(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update=changes)
