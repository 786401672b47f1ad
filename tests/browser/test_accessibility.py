"""axe-core finds nothing on the page, in each state, at both widths, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ilios.core.settings import Settings
from tests.browser import real_documents
from tests.browser.conftest import LOOKS, drop, enter, open_options, open_page
from tests.support.api_server import Server
from tests.support.externals import unavailable

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
CONVERTED_MS = 300_000
RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.map(({ id, help, nodes }) => [id, help, nodes.map(({ html }) => html)]);
}"""


@pytest.fixture(scope="module")
def real(settings: Settings) -> Iterator[Server]:
    if not AXE.exists():
        unavailable("no axe-core: run `make axe`, which needs npm")
    with real_documents.service(settings) as server:
        yield server


def violations(page: Page) -> Any:
    """Return what axe-core has against the page as it is: rules of WCAG and best practices."""
    page.evaluate(AXE.read_text())
    return page.evaluate(RUN)


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
def test_axe_finds_nothing(
    browser: Browser, real: Server, tmp_path: Path, width: int, height: int, scheme: str
) -> None:
    size = {"width": width, "height": height}
    page = open_page(browser, real.url, [], viewport=size, color_scheme=scheme)
    page.goto("/")
    expect(page.get_by_role("dialog", name="API key")).to_be_visible()
    assert violations(page) == []
    enter(page)

    documents = [path for path in real_documents.write(tmp_path) if path.name in
                 ("report.pdf", "minutes.docx")]  # fmt: skip
    (tmp_path / "empty.txt").write_bytes(b"")
    drop(page, *documents, tmp_path / "empty.txt")
    expect(page.locator("#sent")).to_contain_text("3 of 3 ended", timeout=CONVERTED_MS)
    open_options(page)
    page.locator("#sent .menu summary").first.click()
    expect(page.locator("#usage svg").first).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")

    page.locator("#sent").get_by_role("button", name="Delete").first.click()
    assert violations(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()

    for name in ("report.pdf", "minutes.docx"):
        page.locator("#sent").get_by_role("link", name=name).click()
        expect(page.locator("#page-list .text > *").first).to_be_attached(timeout=CONVERTED_MS)
        for view in ("Original", "Source", "Text"):
            choice = page.locator("#viewer").get_by_text(view, exact=True)
            if choice.is_visible():
                choice.click()
                assert violations(page) == []
        page.get_by_role("link", name="All documents").click()
    page.keyboard.press("?")
    assert violations(page) == []
    page.context.close()
