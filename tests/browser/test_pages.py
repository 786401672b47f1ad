"""The web page and the documentation, in a browser that is cut off from the rest of the world."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.conftest import fits, open_page
from tests.support.api_fixtures import KEY
from tests.support.api_server import Server
from tests.support.api_working import InTestWorker

SIZES = [(360, 740), (1440, 900)]
TEXT = "# Überschrift\nA second page with <b>markup</b>."


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "a report.txt"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("size", SIZES)
def test_the_page_converts_a_file(
    page: Page, worker: InTestWorker, document: Path, complaints: list[str], size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto("/")
    assert fits(page)
    page.get_by_label("Choose a file").set_input_files(document)
    page.get_by_label("API key").fill(KEY)
    with worker.running():
        page.get_by_role("button", name="Convert").click()
        result = page.get_by_label("The converted document")
        expect(result).to_have_text("# Überschrift\n\n---\n\nA second page with <b>markup</b>.")

    expect(page.locator("#facts")).to_contain_text("a report.txt · 2 pages")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "a report.md"
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert fits(page)
    assert complaints == []


def test_the_page_says_what_went_wrong(page: Page, document: Path, worker: InTestWorker) -> None:
    page.goto("/")
    page.get_by_label("Choose a file").set_input_files(document)
    page.get_by_role("button", name="Convert").click()
    expect(page.get_by_role("alert")).to_contain_text("API key")

    page.get_by_label("API key").fill(KEY)
    page.get_by_label("Pages").fill("seven")
    page.get_by_role("button", name="Convert").click()
    expect(page.get_by_role("alert")).to_contain_text("1-3,7")

    page.get_by_label("Pages").fill("")
    # Another file: the browser refuses to send one that was changed after it was chosen.
    broken = document.with_name("broken.txt")
    broken.write_text("fail: document")
    page.locator("#file").set_input_files(broken)
    with worker.running():
        page.get_by_role("button", name="Convert").click()
        expect(page.get_by_role("alert")).to_contain_text("encrypted")


def test_the_key_is_kept_in_memory_only(page: Page) -> None:
    page.goto("/")
    page.get_by_label("API key").fill(KEY)
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [
        0,
        0,
        "",
    ]
    page.reload()
    expect(page.get_by_label("API key")).to_have_value("")


def test_the_page_can_be_used_from_the_keyboard(page: Page, document: Path) -> None:
    page.goto("/")
    page.locator("#file").focus()
    outline = page.evaluate("getComputedStyle(document.querySelector('#drop')).outlineStyle")
    assert outline == "solid"


def test_the_documentation_renders(page: Page, complaints: list[str]) -> None:
    page.goto("/docs")
    expect(page.get_by_role("heading", name="Ilios")).to_be_visible()
    page.locator("#operations-Conversion-convert").click()
    expect(page.get_by_text("Convert a document and wait for the result.").first).to_be_visible()
    assert complaints == []


def test_a_result_as_html_runs_and_loads_nothing(
    browser: Browser, server: Server, worker: InTestWorker, complaints: list[str]
) -> None:
    attack = b"# Herons <script>document.title='taken'</script><img src=//evil.example/p.png>"
    key = {"Authorization": f"Bearer {KEY}"}
    page = open_page(browser, server.url, complaints, extra_http_headers=key)
    sent: FilePayload = {"name": "a.txt", "mimeType": "text/plain", "buffer": attack}
    with worker.running():
        answer = page.request.post("/v1/convert", multipart={"file": sent})

    page.goto(f"/api/documents/{answer.headers['x-document-id']}?format=html")

    expect(page.locator("#page-1 h1")).to_have_text("Herons")
    expect(page).to_have_title("a.txt")
    assert complaints == []
    page.context.close()
