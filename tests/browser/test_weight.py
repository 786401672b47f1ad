"""What a browser fetches to show the page: little, and nothing from elsewhere."""

from __future__ import annotations

from playwright.sync_api import Browser, Request, expect

from tests.browser.conftest import enter, open_page
from tests.support.api_server import Server

MOST_BYTES = 400 * 1024


def test_the_page_is_light(browser: Browser, server: Server, complaints: list[str]) -> None:
    page = open_page(browser, server.url, complaints)
    finished: list[Request] = []
    page.on("requestfinished", lambda one: finished.append(one))  # Playwright marks it
    page.goto("/")
    enter(page)
    expect(page.locator("#usage svg").first).to_be_visible()
    page.wait_for_load_state("networkidle")

    sizes = {one.url: _size(one) for one in finished}
    assert len(sizes) > 20
    assert sum(sizes.values()) < MOST_BYTES
    assert complaints == []
    page.context.close()


def _size(request: Request) -> int:
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]
