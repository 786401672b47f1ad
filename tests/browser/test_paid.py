"""The page of a service that pays for pages: costs before sending, fields by a schema, usage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ilios.core.settings import Settings
from tests.browser import real_documents
from tests.browser.conftest import drop, open_options, open_page, visit
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support.api_fixtures import KEY
from tests.support.api_server import Server

CONVERTED_MS = 300_000


@pytest.fixture(scope="module")
def real(settings: Settings) -> Iterator[Server]:
    with MistralServer() as provider, real_documents.service(settings, provider) as server:
        yield server


@pytest.fixture
def page(browser: Browser, real: Server, complaints: list[str]) -> Iterator[Page]:
    page = open_page(browser, real.url, complaints)
    visit(page)
    yield page
    page.context.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "invoices"
    folder.mkdir()
    (folder / "one.pdf").write_bytes(pdf("Total 12.50", "Page two"))
    (folder / "two.pdf").write_bytes(pdf("Total 99.00"))
    return folder


def _used(page: Page) -> tuple[int, int]:
    """Return the pages and the millionths of a dollar that the key has used before."""
    told = page.request.get("/api/usage/summary", headers={"X-Api-Key": KEY}).json()["summary"]
    return told["totalPages"], told["totalCostMicros"]


def test_costs_are_told_before_and_counted_after(
    page: Page, folder: Path, complaints: list[str]
) -> None:
    pages, cost_micros = _used(page)
    open_options(page)
    page.get_by_label("Show the cost first").check()

    drop(page, folder)
    group = page.get_by_role("region", name="invoices: 2 files")
    expect(group.locator(".group-head")).to_contain_text("$0.0156 for 3 pages")
    expect(group.get_by_role("listitem").first).to_contain_text("$0.0104 for 2 pages")
    group.get_by_role("button", name="Convert all").click()
    expect(group).to_contain_text("2 of 2 ended", timeout=CONVERTED_MS)

    cost = f"${(cost_micros + 15_600) / 1e6:.6f}".rstrip("0")
    expect(page.get_by_role("img", name=f"{cost} in 30 days")).to_be_visible()
    expect(page.locator("#usage")).to_contain_text(f"{pages + 3} pages in 30 days")
    group.get_by_role("link", name="one.pdf").click()
    expect(page.locator("#viewer-facts")).to_contain_text("$0.0104")
    assert complaints == []


def test_fields_are_asked_for_with_a_form(page: Page, folder: Path, complaints: list[str]) -> None:
    open_options(page)
    page.get_by_text("Fields to read").click()
    page.get_by_label("Field, such as total").fill("total")
    page.get_by_label("Kind").select_option("Number")
    page.get_by_role("button", name="Add a field").click()
    page.get_by_label("Field, such as total").nth(1).fill("paid")
    page.get_by_label("Kind").nth(1).select_option("Yes or no")
    expect(page.locator("#options-set")).to_have_text("1 set")

    drop(page, folder / "one.pdf")
    expect(page.locator("#sent .row").first).to_contain_text("Done", timeout=CONVERTED_MS)
    page.locator("#sent").get_by_role("link", name="one.pdf").click()

    fields = page.locator("#viewer-fields")
    expect(fields.get_by_role("term")).to_have_text(["total", "paid"])
    assert complaints == []


def test_a_schema_that_is_no_json_is_mended_before_anything_is_sent(
    page: Page, folder: Path
) -> None:
    open_options(page)
    page.get_by_text("Fields to read").click()
    page.get_by_label("Write the JSON Schema myself").check()
    page.get_by_label("JSON Schema", exact=True).fill('{"type": ')

    drop(page, folder / "two.pdf")

    expect(page.get_by_role("alert")).to_contain_text("The schema is no JSON")
    expect(page.locator("#sent .row")).to_have_count(0)
    page.get_by_label("JSON Schema", exact=True).fill('{"type": "array", "$ref": "#/x"}')
    drop(page, folder / "two.pdf")
    expect(page.locator("#sent .row")).to_contain_text("The schema is not valid.")
