"""The page from a drop to the list: progress, problems beside their files, batches, retries."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update

from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus
from tests.browser.conftest import (
    LOOKS,
    drop,
    enter,
    fits,
    go_offline,
    go_online,
    open_options,
    open_page,
    row,
    visit,
)
from tests.support.api_fixtures import KEY, MAX_FILE_BYTES
from tests.support.api_server import Server
from tests.support.api_working import InTestWorker

DONE = re.compile(r"^Done · ")
AT_THE_SERVICE = re.compile("Waits for its turn|goes? first")


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
def test_a_file_is_converted_as_it_is_dropped(
    browser: Browser,
    server: Server,
    worker: InTestWorker,
    written: Path,
    complaints: list[str],
    width: int,
    height: int,
    scheme: str,
) -> None:
    size = {"width": width, "height": height}
    options = {"viewport": size, "color_scheme": scheme, "accept_downloads": True}
    page = open_page(browser, server.url, complaints, **options)
    visit(page)
    assert fits(page)

    with worker.running():
        drop(page, written / "a report.txt")
        expect(row(page, "a report.txt")).to_contain_text("Done")

    expect(row(page, "a report.txt")).to_contain_text("3 pages")
    with page.expect_download() as download:
        row(page, "a report.txt").get_by_text("Download").click()
        row(page, "a report.txt").get_by_role("button", name="Markdown").click()
    assert download.value.suggested_filename == "a report.md"
    assert download.value.path().read_text().startswith("# Überschrift\n\n---\n\nA second page")
    assert fits(page)
    assert complaints == []
    page.context.close()


def test_a_folder_becomes_one_batch_under_one_bar(
    page: Page, worker: InTestWorker, written: Path, complaints: list[str]
) -> None:
    (written / ".hidden").write_text("left out")
    visit(page)

    drop(page, written)
    group = page.get_by_role("region", name="letters: 2 files")
    expect(group).to_contain_text("0 of 2 ended · 1 hidden file left out")
    expect(group.get_by_role("progressbar", name="letters: 2 files")).to_have_js_property(
        "value", 0
    )
    with worker.running():
        expect(group).to_contain_text("2 of 2 ended")

    expect(group.get_by_role("listitem").first).to_contain_text("a report.txt")
    with page.expect_download() as download:
        group.get_by_text("Download").first.click()
        group.get_by_role("button", name="ZIP with images").first.click()
    assert download.value.suggested_filename.endswith(".zip")

    page.reload()
    batch = page.locator("#recent-list .group").first
    expect(batch).to_contain_text("Batch of 2 documents")
    expect(batch).to_contain_text("2 of 2 ended")
    assert complaints == []


def test_an_archive_becomes_a_batch_with_a_row_for_each_document(
    page: Page, worker: InTestWorker, written: Path, complaints: list[str]
) -> None:
    visit(page)

    drop(page, _packed(written, "letters.zip"))
    group = page.get_by_role("region", name="2 files")
    with worker.running():
        expect(group).to_contain_text("2 of 2 ended")

    expect(row(page, "letters/a report.txt")).to_contain_text("Done")
    expect(row(page, "letters/inner/another.txt")).to_contain_text("Done")
    assert complaints == []


def test_beside_an_archive_stands_what_is_wrong_in_it(page: Page, written: Path) -> None:
    (written / "program.exe").write_bytes(b"MZ\x90\x00" + bytes(200))
    visit(page)

    drop(page, _packed(written, "letters.zip"))

    refused = row(page, "letters.zip").locator(".problem")
    expect(refused).to_contain_text("letters/program.exe")
    expect(refused).to_contain_text("application/x-msdownload")


def _packed(folder: Path, name: str) -> Path:
    packed = folder.parent / name
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder.parent))
    return packed


def test_what_is_wrong_with_a_file_stands_beside_it_and_the_others_go_on(
    page: Page, worker: InTestWorker, written: Path
) -> None:
    (written / "empty.txt").write_bytes(b"")
    (written / "large.txt").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    (written / "program.exe").write_bytes(b"MZ\x90\x00" + bytes(200))
    (written / "protected.txt").write_text("fail: document")
    visit(page)

    with worker.running():
        drop(page, written)
        expect(page.get_by_role("region", name="letters: 6 files")).to_contain_text("6 of 6 ended")

    expect(row(page, "empty.txt")).to_contain_text("The file is empty. Send one with content.")
    expect(row(page, "large.txt")).to_contain_text("too large: 256 KiB at most")
    expect(row(page, "program.exe")).to_contain_text("This type cannot be read.")
    expect(row(page, "program.exe").locator(".problem")).to_contain_text("application/x-msdownload")
    expect(row(page, "protected.txt")).to_contain_text("Protected by a password.")
    expect(row(page, "protected.txt")).to_contain_text("Send it without a password.")
    expect(row(page, "a report.txt")).to_contain_text("Done")
    expect(row(page, "another.txt")).to_contain_text("Done")


def test_progress_is_told_in_pages(page: Page, written: Path, database: Database) -> None:
    visit(page)
    drop(page, written / "a report.txt")
    expect(row(page, "a report.txt")).to_contain_text("Waits for its turn")

    with database.writing() as session:
        newest = select(Document.id).order_by(Document.created_at.desc()).limit(1)
        session.execute(
            update(Document)
            .where(Document.id == newest.scalar_subquery())
            .values(status=DocumentStatus.PROCESSING, pages_done=12, page_count=600)
        )

    expect(row(page, "a report.txt")).to_contain_text("12 of 600 pages")
    bar = row(page, "a report.txt").get_by_role("progressbar", name="Progress of a report.txt")
    expect(bar).to_have_js_property("value", 0.02)
    expect(bar).to_have_attribute("aria-valuetext", "12 of 600 pages")


def test_a_document_is_found_retried_and_deleted(
    page: Page, worker: InTestWorker, written: Path
) -> None:
    (written / "sick.txt").write_text("fail: engine")
    (written / "bird.txt").write_text("A heron stands in shallow water")
    visit(page)
    with worker.running():
        drop(page, written / "sick.txt", written / "bird.txt")
        expect(page.get_by_role("region", name="2 files")).to_contain_text("2 of 2 ended")
        page.reload()

        page.get_by_role("combobox", name="Status").select_option("Failed")
        failed = page.locator("#recent-list .row").filter(has_text="sick.txt")
        expect(failed).to_contain_text("The engine is out of order.")
        failed.get_by_role("button", name="Retry").click()
        expect(failed).to_contain_text("The engine is out of order.")

        page.get_by_role("combobox", name="Status").select_option("All")
        page.get_by_role("searchbox").fill("shallow heron")
        found = page.locator("#recent-list .row")
        expect(found).to_have_count(1)
        expect(found.locator("mark")).to_have_text(["heron", "shallow"])
        found.get_by_role("button", name="Delete").click()
        question = page.get_by_role("dialog")
        expect(question).to_contain_text("Delete bird.txt for good?")
        question.get_by_role("button", name="Delete").click()
        expect(found).to_have_count(0)

    page.get_by_role("searchbox").fill("nothing like that")
    expect(page.locator("#recent-note")).to_contain_text("Nothing found.")


def test_the_cost_is_shown_before_anything_is_sent(
    page: Page, worker: InTestWorker, written: Path, database: Database
) -> None:
    visit(page)
    open_options(page)
    page.get_by_label("Show the cost first").check()
    before = _count(database)

    drop(page, written)
    group = page.get_by_role("region", name="letters: 2 files")
    expect(group.locator(".group-head")).to_contain_text("no cost for 2 pages")
    assert _count(database) == before
    row(page, "another.txt").get_by_role("button", name="Leave out").click()
    with worker.running():
        row(page, "a report.txt").get_by_role("button", name="Convert").click()
        expect(row(page, "a report.txt")).to_contain_text("Done")
    assert _count(database) == before + 1


def test_an_archive_waits_for_the_go_and_says_that_its_cost_is_not_known(
    page: Page, worker: InTestWorker, written: Path
) -> None:
    packed = _packed(written, "letters.zip")
    disguised = packed.with_name("letters.data")  # what it is shows in its bytes only
    disguised.write_bytes(packed.read_bytes())
    visit(page)
    open_options(page)
    page.get_by_label("Show the cost first").check()

    drop(page, packed, disguised, written / "a report.txt")
    told = page.locator("#sent .group-head")
    expect(told).to_contain_text("no cost for 1 page · 2 archives not counted")
    expect(row(page, "letters.zip")).to_contain_text("unpack it")
    row(page, "a report.txt").get_by_role("button", name="Leave out").click()
    row(page, "letters.data").get_by_role("button", name="Leave out").click()
    expect(told).to_contain_text("1 archive not counted")

    with worker.running():
        row(page, "letters.zip").get_by_role("button", name="Convert").click()
        expect(row(page, "letters/inner/another.txt")).to_contain_text("Done")
    expect(row(page, "letters/a report.txt")).to_contain_text("Done")


def _count(database: Database) -> int:
    with database.reading() as session:
        return len(session.scalars(select(Document.id)).all())


def test_the_service_stops_what_waits(page: Page, written: Path) -> None:
    visit(page)
    drop(page, written)
    group = page.get_by_role("region", name="letters: 2 files")
    for name in ("a report.txt", "another.txt"):
        expect(row(page, name)).to_contain_text(AT_THE_SERVICE)
    group.get_by_role("button", name="Stop all").click()

    expect(group).to_contain_text("2 of 2 ended")
    expect(row(page, "another.txt")).to_contain_text("Stopped")


def test_the_key_is_asked_for_once_and_stays_in_the_tab(page: Page, written: Path) -> None:
    page.goto("/")
    expect(page.get_by_role("dialog", name="API key")).to_be_visible()
    enter(page, "no-such-key")
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    enter(page, KEY)
    expect(page.get_by_role("dialog", name="API key")).to_be_hidden()
    expect(page.locator("#usage")).to_contain_text("in 30 days")

    page.reload()
    expect(page.locator("#usage")).to_contain_text("in 30 days")
    expect(page.get_by_role("dialog", name="API key")).to_be_hidden()
    assert page.evaluate("[localStorage.length, document.cookie, location.search]") == [0, "", ""]

    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_role("dialog", name="API key")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_another_language_loses_nothing(
    browser: Browser, server: Server, written: Path, complaints: list[str]
) -> None:
    page = open_page(browser, server.url, complaints, locale="de-DE")
    page.goto("/")
    page.get_by_label("Schlüssel", exact=True).fill(KEY)
    page.get_by_role("button", name="Schlüssel verwenden").click()
    drop(page, written / "a report.txt")
    expect(row(page, "a report.txt")).to_contain_text("Wartet auf seinen Platz")

    page.get_by_label("Sprache").select_option("中文")

    expect(row(page, "a report.txt")).to_contain_text("等待轮到")
    expect(page).to_have_title("Ilios：文档转 Markdown")
    expect(page.locator("#drop").get_by_text("选择文件", exact=True)).to_be_visible()
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    assert complaints == []
    page.context.close()


def test_without_a_network_the_row_says_so_and_is_sent_again(
    page: Page, worker: InTestWorker, written: Path
) -> None:
    visit(page)
    expect(page.locator("#usage")).to_contain_text("in 30 days")
    go_offline(page)
    drop(page, written / "a report.txt")
    expect(row(page, "a report.txt")).to_contain_text("This browser is offline.")

    go_online(page)
    with worker.running():
        row(page, "a report.txt").get_by_role("button", name="Send again").click()
        expect(row(page, "a report.txt")).to_contain_text("Done")


def test_files_that_did_not_arrive_are_sent_again_at_once(
    page: Page, worker: InTestWorker, written: Path
) -> None:
    (written / "program.exe").write_bytes(b"MZ\x90\x00" + bytes(200))
    (written / "empty.txt").write_bytes(b"")
    visit(page)
    expect(page.locator("#usage")).to_contain_text("in 30 days")
    go_offline(page)
    drop(page, written)
    group = page.get_by_role("region", name="letters: 4 files")
    expect(group).to_contain_text("4 of 4 ended")

    go_online(page)
    with worker.running():
        group.get_by_role("button", name="Send 3 again").click()
        expect(row(page, "a report.txt")).to_contain_text("Done")
        expect(row(page, "another.txt")).to_contain_text("Done")
    expect(row(page, "program.exe")).to_contain_text("This type cannot be read.")
    expect(group.get_by_role("button", name="again")).to_have_count(1)  # of the program
