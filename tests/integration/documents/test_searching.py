"""A search finds documents by the words of their pages, if they are the owner's and not deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from sqlalchemy import update

from ilios.core import clock
from ilios.core.request_errors import Busy, SearchTooWide
from ilios.db import search_index, watch
from ilios.db.database import Database
from ilios.db.models import Batch, Document, DocumentStatus
from ilios.db.watch import Watch
from ilios.documents import indexing, listing, removal, search
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.listing import Filter, Listing
from ilios.engines.page_text import PIECE_MAX_CHARACTERS
from tests.integration.documents.conftest import OWNER
from tests.support import documents, structured

pytestmark = pytest.mark.both_databases

Add = Callable[..., str]
Found = list[tuple[str, list[int]]]
Page = Callable[..., tuple[list[str], str | None]]
BATCH = "b" * 24


@pytest.fixture
def index(database: Database) -> Callable[[], None]:
    def index() -> None:
        with database.writing() as session:
            indexing.index_entered(session)

    return index


@pytest.fixture(params=["not indexed yet", "indexed"])
def add(database: Database, index: Callable[[], None], request: pytest.FixtureRequest) -> Add:
    def add(*pages: str, owner: str = OWNER, name: str = "hello.txt") -> str:
        plain = (structured.plain_page(index, page) for index, page in enumerate(pages))
        document_id = structured.add_result(database, plain, owner=owner)
        change(database, document_id, file_name=name)
        if request.param == "indexed":
            index()
        return document_id

    return add


@pytest.fixture
def find(database: Database) -> Callable[..., Found]:
    """Return what is found, as ids and numbers of pages; read in pages of `limit`."""

    def find(q: str, limit: int = 50, owner: str = OWNER, **which: object) -> Found:
        cursor = None
        found: Found = []
        while True:
            some = Listing(database).documents(
                Filter(owner, q=q, **which),  # type: ignore[arg-type]
                cursor,
                limit,
            )
            for one in some.documents:
                found.append((one.id, [match.page for match in some.matches[one.id]]))
            if (cursor := some.next_cursor) is None:
                return found

    return find


@pytest.fixture
def page(database: Database) -> Page:
    """Return the ids of a page of what is found, and the cursor of the next one."""

    def page(q: str, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
        some = Listing(database).documents(Filter(OWNER, q=q), cursor, limit)
        return [one.id for one in some.documents], some.next_cursor

    return page


def change(database: Database, document_id: str, **columns: object) -> None:
    with database.writing() as session:
        session.execute(update(Document).where(Document.id == document_id).values(**columns))


def sharing(database: Database, root: str) -> str:
    """Return a document that shows the result of another one."""
    document_id, _ = documents.add_document(database, owner=OWNER)
    change(database, document_id, status=DocumentStatus.COMPLETED, result_of=root)
    return document_id


def ids(found: Iterable[tuple[str, object]]) -> list[str]:
    return [one for one, _ in found]


def test_documents_are_found_by_words_that_stand_on_one_page(
    add: Add, find: Callable[..., Found]
) -> None:
    heron = add("The grey heron waits.", "It catches a fish.")
    add("A heron.", "Something else.")

    assert find("heron waits") == [(heron, [1])]
    assert find("fish") == [(heron, [2])]
    assert find("heron fish") == []  # on two pages


@pytest.mark.parametrize(
    ("text", "q"),
    [
        ("Straße nach Zürich", "zurich"),
        ("Cafe\u0301 noir", "CAFÉ"),
        ("a foo-bar here", "foo-bar"),
        ('he said "no" twice', '"no"'),
        ("AND OR NOT NEAR", "and not"),
        ("column text:value (x) ^y*", "text:value (x) ^y*"),
        ("**bold**text and [link](https://example.org/path)", "link example"),
        ("Η Αθήνα είναι", "ΑΘΉΝΑ"),
        ("吾輩は猫である。", "猫で"),
        ("吾輩は猫", "猫"),
        ("読書abc猫の本", "abc猫の"),
        ("ฉันกินข้าว", "กินข้าว"),
        ("한국어 문서", "문서"),
        ("snake_case_name", "case_name"),
    ],
)
def test_words_are_found_whatever_their_script_or_signs(
    add: Add, find: Callable[..., Found], text: str, q: str
) -> None:
    document_id = add(text)

    ((found, pages),) = find(q)

    assert (found, pages) == (document_id, [1])


@pytest.mark.parametrize("q", ["*", "---", "\u0301", "(", '"', "❤"])
def test_a_search_without_words_looks_at_names_only(
    add: Add, find: Callable[..., Found], q: str
) -> None:
    add('* --- ( " ❤')

    assert find(q) == []


def test_names_come_first_and_each_document_once(add: Add, find: Callable[..., Found]) -> None:
    in_text = add("The heron.", name="birds.txt")
    in_name = add("Nothing.", name="heron.txt")
    in_both = add("A heron, heron, heron.", name="Heron 2.txt")

    for limit in (1, 2, 50):
        assert find("heron", limit) == [(in_both, [1]), (in_name, []), (in_text, [1])]


def test_the_best_page_comes_first(add: Add, find: Callable[..., Found]) -> None:
    little = add("heron " + "filler " * 300)
    much = add("filler " * 10, "heron heron heron", "one heron and more words", "heron " * 40, "x")

    assert find("heron") == [(much, [4, 2, 3]), (little, [1])]


def test_what_is_indexed_later_shifts_nothing(add: Add, page: Page) -> None:
    old = [add("heron " * n) for n in (1, 3, 2)]
    first, cursor = page("heron", None, 1)
    add("heron " * 9)

    assert first + page("heron", cursor, 9)[0] == [old[1], old[2], old[0]]


def test_what_is_deleted_shifts_nothing(
    add: Add, page: Page, actions: DocumentActions, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ranked_max in (0, 2, 9):
        monkeypatch.setattr(listing, "RANKED_MAX", ranked_max)
        for_this = f"heron{ranked_max}"
        made = [add(f"{for_this} " * n + "filler " * 9) for n in (1, 2, 3, 4)]
        (first,), cursor = page(for_this, None, 1)
        actions.delete(first, owner=OWNER)
        (second,), cursor = page(for_this, cursor, 1)
        actions.delete(second, owner=OWNER)

        assert sorted([first, second, *page(for_this, cursor, 9)[0]]) == sorted(made)


def test_a_document_that_joins_a_result_shifts_nothing(
    add: Add, page: Page, database: Database
) -> None:
    root = add("heron")
    joined = sharing(database, root)
    first, cursor = page("heron", None, 1)
    sharing(database, root)

    assert first + page("heron", cursor, 9)[0] == [joined, root]


@pytest.mark.only_sqlite
@pytest.mark.parametrize("add", ["not indexed yet"], indirect=True)
def test_what_is_not_indexed_yet_comes_first(
    add: Add, index: Callable[[], None], find: Callable[..., Found]
) -> None:
    best = add("heron heron heron")
    index()
    little, much = add("heron and more words"), add("heron heron and more")

    assert ids(find("heron")) == [much, little, best]
    index()
    assert ids(find("heron")) == [best, much, little]


def test_each_result_is_found_once_when_it_is_indexed_meanwhile(
    add: Add,
    index: Callable[[], None],
    find: Callable[..., Found],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {add("heron"), add("heron egret"), add("egret", "heron")}

    def indexed_meanwhile(texts: list[tuple[int, str]], wanted: str) -> list[int]:
        index()
        return search_index.matching(texts, wanted)

    monkeypatch.setattr(search, "matching", indexed_meanwhile)

    assert sorted(ids(find("heron"))) == sorted(found)


@pytest.mark.only_sqlite
def test_what_other_owners_store_shifts_nothing(
    add: Add, page: Page, index: Callable[[], None]
) -> None:
    """How often their pages have a word, and how long these are, is in the ranks of all pages."""
    many, few = add("heron heron heron " + "w " * 50), add("heron " + "w " * 9)
    add("short")
    index()
    ranked, _ = page("heron", None, 9)
    first, cursor = page("heron", None, 1)
    for _ in range(40):
        add("long " * 600, owner="somebody else")
    index()

    assert page("heron", None, 9)[0] == [many, few]  # a list that begins now
    assert first + page("heron", cursor, 9)[0] == ranked == [few, many]


def test_behind_the_best_the_newest_come_first(
    add: Add, find: Callable[..., Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "RANKED_MAX", 2)
    monkeypatch.setattr(listing, "RESULTS_AT_ONCE", 2)
    made = [add("heron " * n + "filler " * 9) for n in (2, 5, 1, 4, 3)]
    expected = [made[place] for place in (1, 3, 4, 2, 0)]

    for limit in (1, 2, 3, 50):
        assert ids(find("heron", limit)) == expected


def test_other_owners_find_nothing_of_it(add: Add, find: Callable[..., Found]) -> None:
    mine = add("heron")
    theirs = add("heron", owner="somebody else")

    assert ids(find("heron")) == [mine]
    assert ids(find("heron", owner="somebody else")) == [theirs]
    assert find("heron", owner='" OR "') == []


def test_filters_hold_for_what_is_found_in_pages(add: Add, find: Callable[..., Found]) -> None:
    document_id = add("heron")

    assert ids(find("heron", status=DocumentStatus.COMPLETED)) == [document_id]
    assert find("heron", status=DocumentStatus.FAILED) == []
    assert find("heron", batch_id="a" * 24) == []


def test_results_that_the_filter_leaves_out_take_no_place(
    add: Add, find: Callable[..., Found], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "RANKED_MAX", 2)
    monkeypatch.setattr(listing, "RESULTS_AT_ONCE", 2)
    for name in ("a.txt", "b.txt", "heron.txt", "c.txt"):
        add("heron heron heron", name=name)
    deleted = add("heron heron")
    with database.writing() as session:
        removal.tombstone(session, deleted, deleted, clock.now())
        session.add(
            Batch(id=BATCH, owner=OWNER, total_documents=1, priority=5, created_at=clock.now())
        )
    last = add("The last and the least of what is told of a heron.")
    change(database, last, batch_id=BATCH, status=DocumentStatus.FAILED)

    best = add("heron heron heron")
    change(database, best, batch_id=BATCH)

    assert ids(find("heron", batch_id=BATCH)) == [best, last]
    assert ids(find("heron", status=DocumentStatus.FAILED)) == [last]
    assert ids(find("heron", batch_id=BATCH, status=DocumentStatus.FAILED)) == [last]


def test_documents_that_share_a_result_are_all_found(
    add: Add, find: Callable[..., Found], database: Database, actions: DocumentActions
) -> None:
    root = add("heron")
    others = [sharing(database, root) for _ in range(3)]

    for limit in (1, 2, 50):
        assert find("heron", limit) == [(one, [1]) for one in [*reversed(others), root]]

    actions.delete(root, owner=OWNER)
    assert ids(find("heron")) == others[::-1]


def test_a_deleted_document_is_found_no_more_before_its_pages_are_gone(
    add: Add, find: Callable[..., Found], database: Database
) -> None:
    document_id = add("heron")

    with database.writing() as session:
        removal.tombstone(session, document_id, document_id, clock.now())

    assert find("heron") == []


def test_a_long_page_is_found_by_the_words_of_each_piece(
    add: Add, find: Callable[..., Found]
) -> None:
    text = "word " * (PIECE_MAX_CHARACTERS // 5 + 20) + "heron " * 3 + "end " * PIECE_MAX_CHARACTERS
    document_id = add("first", text)

    assert find("heron") == [(document_id, [2])]
    assert find("end") == [(document_id, [2])]


def test_a_phrase_is_found_wherever_it_stands_in_a_long_page(
    add: Add, find: Callable[..., Found]
) -> None:
    """An entry of PostgreSQL has but 255 places of a word, and 16,383 of all."""
    dates = add("2026-11-30 " * 400 + "2026-12-24")
    letters = add("".join(chr(0x4E00 + number % 5_000) for number in range(20_000)) + "猫である。")

    assert find("2026-12-24") == [(dates, [1])]
    assert find("11-24") == []
    assert find("猫である") == [(letters, [1])]


def test_a_page_is_shown_once_by_its_best_piece(
    add: Add, find: Callable[..., Found], database: Database
) -> None:
    long = "heron " + "word " * (PIECE_MAX_CHARACTERS // 5) + "many words before a heron " * 9
    document_id = add(long, "end", "heron")

    ((_, pages),) = find("heron")
    matches = Listing(database).documents(Filter(OWNER, q="heron"), None, 1).matches[document_id]

    assert sorted(pages) == [1, 3]
    assert all("word word" not in match.snippet for match in matches)


def test_an_answer_looks_for_words_in_so_many_characters(
    add: Add, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "first " + "more " * 200 + "heron heron"
    monkeypatch.setattr(listing, "LOOKED_THROUGH_CHARACTERS", 2 * len(text))
    for _ in range(2):
        add(text, text)

    found = Listing(database).documents(Filter(OWNER, q="heron"), None, 9)

    shown = [match for one in found.documents for match in found.matches[one.id]]
    assert [len(match.ranges) for match in shown] == [2, 2, 0, 0]
    assert [match.snippet.startswith("first") for match in shown] == [False, False, True, True]


@pytest.mark.only_sqlite
def test_a_search_that_takes_too_long_is_broken_off(
    add: Add, find: Callable[..., Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = add("heron")
    with monkeypatch.context() as patched:
        patched.setattr(listing, "SEARCH_SECONDS", -1)
        patched.setattr(watch, "OPERATIONS", 1)
        with pytest.raises(SearchTooWide, match="rarer"):
            find("heron")

    assert ids(find("heron")) == [document_id]  # by the same connection


def test_searches_of_one_owner_leave_a_place_to_the_next(
    add: Add, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "WAIT_SECONDS", 0)
    documents_of = Listing(database)
    add("heron")

    def search_in_places(left: int) -> None:
        """Search while so many other searches of the owner are in progress, one within another."""
        if not left:
            with pytest.raises(Busy, match="Other searches"):
                documents_of.documents(Filter(OWNER, q="heron"), None, 9)
            assert documents_of.documents(Filter(OWNER), None, 9).documents
            assert not documents_of.documents(Filter("another", q="heron"), None, 9).documents
            return
        with monkeypatch.context() as patched:
            newest = search.newest

            def searching(on: Watch) -> int:
                patched.setattr(search, "newest", newest)
                search_in_places(left - 1)
                return newest(on)

            patched.setattr(search, "newest", searching)
            documents_of.documents(Filter(OWNER, q="heron"), None, 9)

    search_in_places(listing.SEARCHES_MAX)
    assert documents_of.documents(Filter(OWNER, q="heron"), None, 9).documents


@pytest.mark.only_sqlite
def test_a_malformed_index_leaves_the_names_and_is_made_anew(
    add: Add, index: Callable[[], None], find: Callable[..., Found], database: Database
) -> None:
    add("heron", name="x.txt")
    in_name = add("other", name="heron.txt")
    index()
    with database.writing() as session:  # as if other words had been indexed than were stored
        session.driver.execute(
            "INSERT INTO search_index (search_index, rowid, owner, text) "
            "VALUES ('delete', 1, 'x', 'never indexed')"
        )
        session.driver.execute("DELETE FROM search_index_docsize")

    assert ids(find("heron")) == [in_name]

    with database.watching() as watching:
        assert indexing.progress(watching).is_malformed
