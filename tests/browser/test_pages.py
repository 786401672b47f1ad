"""The documentation, and results as HTML, in a browser that is cut off from the world."""

from __future__ import annotations

from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.conftest import EXPECTED_MS, open_page
from tests.support.api_fixtures import KEY
from tests.support.api_server import Server
from tests.support.api_working import InTestWorker


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
        answer = page.request.post("/v1/convert", multipart={"file": sent}, timeout=EXPECTED_MS)

    page.goto(f"/api/documents/{answer.headers['x-document-id']}?format=html")

    expect(page.locator("#page-1 h1")).to_have_text("Herons")
    expect(page).to_have_title("a.txt")
    assert complaints == []
    page.context.close()
