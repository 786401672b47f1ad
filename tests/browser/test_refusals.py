"""What the page says, and offers, where a file or a document cannot be had."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from ilios.accounts.key_admin import KeyAdmin
from ilios.accounts.keys import Scope
from ilios.core.file_names import safe_file_name
from ilios.db.database import Database
from ilios.db.owner_totals import DOCUMENT_OVERHEAD_BYTES
from tests.browser.conftest import drop, enter, go_offline, go_online, open_options, row, visit
from tests.support.api_fixtures import KEY, OTHER_KEY
from tests.support.api_working import InTestWorker
from tests.support.issuing import issue

DECEPTIVE = "\u202etxt\u202c.\u2066e\u200fxe\ufeff.txt"
SUBMITS = ("/api/documents/submit", "/v1/batch/submit")
UNKNOWN = "a" * 26


@pytest.fixture
def posted(page: Page) -> list[str]:
    """Provide the paths of what the page posts."""
    paths: list[str] = []
    page.on("request", lambda one: paths.append(_path(one.url)) if one.method == "POST" else None)
    return paths


def _path(url: str) -> str:
    return re.sub(r"^https?://[^/]*", "", url)


def cost_first(page: Page) -> None:
    open_options(page)
    page.get_by_label("Show the cost first").check()


def send_offline(page: Page, *paths: Path) -> None:
    expect(page.locator("#usage")).to_contain_text("in 30 days")
    go_offline(page)
    drop(page, *paths)


def test_what_is_sent_again_shows_its_cost_first(
    page: Page, worker: InTestWorker, written: Path, posted: list[str]
) -> None:
    visit(page)
    cost_first(page)
    send_offline(page, written)
    group = page.get_by_role("region", name="letters: 2 files")
    expect(group).to_contain_text("2 of 2 ended")
    go_online(page)
    posted.clear()

    group.get_by_role("button", name="Send 2 again").click()
    expect(group.locator(".group-head")).to_contain_text("no cost for 2 pages")
    assert posted == ["/v1/estimate", "/v1/estimate"]

    with worker.running():
        group.get_by_role("button", name="Convert all").click()
        expect(group).to_contain_text("2 of 2 ended")
    assert posted.count("/v1/batch/submit") == 1


def test_a_cost_that_is_asked_for_later_is_shown_before_sending_again(
    page: Page, written: Path, posted: list[str]
) -> None:
    visit(page)
    send_offline(page, written / "a report.txt")
    sent = row(page, "a report.txt")
    expect(sent).to_contain_text("This browser is offline.")
    go_online(page)
    posted.clear()

    cost_first(page)
    sent.get_by_role("button", name="Send again").click()

    expect(sent).to_contain_text("no cost for 1 page")
    expect(sent.get_by_role("button", name="Convert")).to_be_visible()
    assert posted == ["/v1/estimate"]


def test_what_was_given_its_go_is_sent_again_without_another(
    page: Page, worker: InTestWorker, written: Path
) -> None:
    visit(page)
    cost_first(page)
    drop(page, written / "a report.txt")
    sent = row(page, "a report.txt")
    expect(sent).to_contain_text("no cost for 1 page")
    go_offline(page)
    sent.get_by_role("button", name="Convert").click()
    expect(sent).to_contain_text("This browser is offline.")

    go_online(page)
    with worker.running():
        sent.get_by_role("button", name="Send again").click()
        expect(sent).to_contain_text("Done")


@pytest.mark.parametrize("of", ["another key", "nobody"])
def test_an_address_that_the_key_does_not_find_says_so(page: Page, written: Path, of: str) -> None:
    id_ = _submit(page, written / "a report.txt", OTHER_KEY) if of == "another key" else UNKNOWN
    page.goto(f"/#/documents/{id_}/1")
    enter(page)

    expect(page.locator("#viewer-problem")).to_contain_text("is found with this key")
    _offers_nothing(page)


def test_a_deleted_document_says_that_it_was_deleted(page: Page, written: Path) -> None:
    id_ = _submit(page, written / "a report.txt")
    _delete(page, id_)
    page.goto(f"/#/documents/{id_}/1")
    enter(page)

    expect(page.locator("#viewer-problem")).to_contain_text("This document was deleted")
    _offers_nothing(page)


def test_a_document_that_waits_offers_no_copy(page: Page, written: Path) -> None:
    id_ = _submit(page, written / "a report.txt")
    page.goto(f"/#/documents/{id_}/1")
    enter(page)

    expect(page.locator("#viewer-problem")).to_contain_text("the document is “Waiting”")
    expect(page.locator("#viewer-title")).to_have_text("a report.txt")
    expect(page.locator("#viewer .actions button:visible")).to_have_count(0)


def _offers_nothing(page: Page) -> None:
    expect(page.locator("#viewer-title")).not_to_have_text("Loading")
    expect(page.locator("#viewer .actions button:visible")).to_have_count(0)


def _submit(page: Page, path: Path, key: str = KEY) -> str:
    file: FilePayload = {"name": path.name, "mimeType": "text/plain", "buffer": path.read_bytes()}
    answer = page.request.post(
        "/api/documents/submit", multipart={"file": file}, headers={"X-Api-Key": key}
    )
    assert answer.ok, answer.text()
    return str(answer.json()["id"])


def _delete(page: Page, document_id: str) -> None:
    path = f"/api/documents/{document_id}"
    assert page.request.delete(path, headers={"X-Api-Key": KEY}).status == 204


def test_a_name_is_shown_as_the_service_keeps_it(
    page: Page, worker: InTestWorker, written: Path
) -> None:
    path = written / DECEPTIVE
    path.write_text(str(written))
    visit(page)
    with worker.running():
        drop(page, path, written / "a report.txt")
        expect(page.get_by_role("region", name="2 files")).to_contain_text("2 of 2 ended")

    assert safe_file_name(DECEPTIVE) == "txt.exe.txt"
    expect(page.locator("#sent .row .name", has_text="exe")).to_have_text("txt.exe.txt")
    expect(page.locator("#sent .row .name")).to_have_count(2)


def test_files_that_fit_alone_are_taken_though_all_do_not_fit_together(
    page: Page, worker: InTestWorker, written: Path, database: Database, posted: list[str]
) -> None:
    (written / "inner" / "another.txt").write_text("x" * 1000)
    room = (written / "a report.txt").stat().st_size + DOCUMENT_OVERHEAD_BYTES
    visit(page, _limited(database, "small", room))
    with worker.running():
        drop(page, written)
        expect(page.get_by_role("region", name="letters: 2 files")).to_contain_text("2 of 2 ended")

    expect(row(page, "a report.txt")).to_contain_text("Done")
    refused = row(page, "another.txt").locator(".problem")
    expect(refused).to_contain_text("The storage is full.")
    expect(refused).to_contain_text("and this needs 9192 more, with what is kept beside each file")
    expect(refused.locator("code")).to_have_text(["ilios keys set --storage"])
    expect(refused).not_to_contain_text("`")
    assert [path for path in posted if path in SUBMITS] == [SUBMITS[1], SUBMITS[0], SUBMITS[0]]


def _limited(database: Database, name: str, storage_bytes: int) -> str:
    scopes = frozenset({Scope.CONVERT, Scope.READ})
    return issue(database, name, scopes=scopes, storage_bytes=storage_bytes).secret


def test_a_document_that_is_deleted_elsewhere_stays_and_says_so(page: Page, written: Path) -> None:
    visit(page)
    drop(page, written / "a report.txt")
    sent = row(page, "a report.txt")
    expect(sent).to_contain_text("Waits for its turn")

    _delete(page, _newest(page))

    expect(sent).to_contain_text("Deleted")
    expect(page.locator("#told")).to_have_text("a report.txt was deleted")
    expect(sent.get_by_role("button")).to_have_text(["Put away"])
    sent.get_by_role("button", name="Put away").click()
    expect(sent).to_have_count(0)


def test_one_that_is_deleted_before_the_page_listens_says_so_too(page: Page, written: Path) -> None:
    def delete_before(listening: Route) -> None:
        _delete(page, _newest(page))
        listening.continue_()

    page.route("**/api/documents/events", delete_before, times=1)
    visit(page)

    drop(page, written / "a report.txt")

    expect(row(page, "a report.txt")).to_contain_text("Deleted")


def _newest(page: Page) -> str:
    listed = page.request.get("/api/documents?limit=1", headers={"X-Api-Key": KEY}).json()
    return str(listed["documents"][0]["id"])


@pytest.mark.parametrize("is_counted", [False, True])
def test_pages_that_a_file_lacks_are_not_tried_again(
    page: Page, worker: InTestWorker, written: Path, is_counted: bool
) -> None:
    visit(page)
    open_options(page)
    page.get_by_label("Pages", exact=True).fill("9")
    page.get_by_label("Show the cost first").set_checked(is_counted)
    with worker.running():
        drop(page, written / "a report.txt")
        sent = row(page, "a report.txt")
        expect(sent).to_contain_text("It lacks these pages.")

    expect(sent.get_by_role("button")).to_have_text(["Leave out" if is_counted else "Delete"])


def test_with_another_key_the_documents_of_the_first_one_go(
    page: Page, worker: InTestWorker, written: Path, database: Database
) -> None:
    issued = issue(database, "short-lived")
    visit(page, issued.secret)
    with worker.running():
        drop(page, (written / "a report.txt").rename(written / "theirs.txt"))
        expect(row(page, "theirs.txt")).to_contain_text("Done")
    KeyAdmin(database).revoke("short-lived")
    drop(page, written / "inner" / "another.txt")
    expect(page.get_by_role("dialog", name="API key")).to_be_visible()
    enter(page)

    expect(row(page, "another.txt")).to_contain_text("Waits for its turn")
    expect(page.locator(".row").filter(has_text="theirs.txt")).to_have_count(0)
