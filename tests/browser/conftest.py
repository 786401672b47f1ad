"""A real Chromium, a real server, and a worker inside the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from sqlalchemy import delete

from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Instance
from ilios.db.models.base import Base
from tests.support.api_fixtures import (  # noqa: F401  # fixtures are found by name
    KEY,
    api_settings,
    with_keys,
    worker,
)
from tests.support.api_server import ENDURING, Server, free_port
from tests.support.externals import unavailable
from tests.support.sharing import settings  # noqa: F401
from tests.support.waiting import wait_until

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TEXT = "# Überschrift\nA second page with <b>markup</b>."
EXPECTED_MS = 60_000  #: until what is expected has to be seen, where a test says nothing else
ASKED = """() => fetch("/livez", { cache: "no-store" }).then(({ ok }) => ok, () => false)"""
LOOKS = [(360, 740, "light"), (360, 740, "dark"), (1440, 900, "light"), (1440, 900, "dark")]
Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        unavailable(f"{CHROMIUM} is not installed")
    expect.set_options(timeout=EXPECTED_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shared_server(settings: Settings) -> Iterator[Server]:  # noqa: F811
    served = with_keys(settings).model_copy(update={"port": free_port(), "web_concurrency": 1})
    with closing(Server(served, ENDURING)) as server:
        yield server


@pytest.fixture
def server(shared_server: Server, database: Database) -> Server:
    """Provide the server of the module, without anything that was sent in tests before."""
    with database.writing() as session:
        for table in reversed(Base.metadata.sorted_tables):
            if table is not Instance.__table__:
                session.execute(delete(table))
    return shared_server


@pytest.fixture
def complaints() -> list[str]:
    """Provide what a page has said to its console, and what it has asked of other hosts."""
    return []


@pytest.fixture
def page(browser: Browser, server: Server, complaints: list[str]) -> Iterator[Page]:
    page = open_page(browser, server.url, complaints, accept_downloads=True)
    yield page
    page.context.close()


@pytest.fixture
def written(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Provide a folder with two texts; each test has its own bytes, so that nothing is cached."""
    folder = tmp_path / "letters"
    (folder / "inner").mkdir(parents=True)
    (folder / "a report.txt").write_text(f"{TEXT}\n{request.node.name}")
    (folder / "inner" / "another.txt").write_text(f"Another\n{request.node.name}")
    return folder


def row(page: Page, name: str) -> Locator:
    """Return the row of a file that was sent from this page."""
    return page.locator("#sent .row").filter(has_text=name)


def open_page(browser: Browser, url: str, complaints: list[str], **options: Any) -> Page:
    """Return a page of a context of its own; what is wrong with it is added to the complaints."""
    page = browser.new_context(base_url=url, **options).new_page()
    page.set_default_timeout(EXPECTED_MS)
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((url, "data:", "blob:"))
            else complaints.append(f"foreign: {request.url}")
        ),
    )
    return page


def enter(page: Page, key: str = KEY) -> None:
    """Give the page the key that it asks for."""
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Use this key").click()


def visit(page: Page, key: str = KEY) -> None:
    """Open the page for people who send documents."""
    page.goto("/")
    enter(page, key)


def open_options(page: Page) -> None:
    """Open what can be chosen beside a file, with another click should the page move under one."""
    options = page.locator("#options")

    def is_open() -> bool:
        if options.get_attribute("open") is None:
            options.locator("summary").first.click()
        return options.get_attribute("open") is not None

    wait_until(is_open, EXPECTED_MS / 1000)


def drop(page: Page, *paths: Path) -> None:
    """Drop files and folders onto the page, as a file manager does."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 100, "y": 200, "data": data})
    # It ends with the page: with any session that is detached, Chromium forgets that it is offline.


def go_offline(page: Page) -> None:
    """Take the network away, and return when the page knows, and its requests fail."""
    page.context.set_offline(True)
    _await_network(page, is_there=False)


def go_online(page: Page) -> None:
    """Give the network back, and return when the page knows, and its requests arrive."""
    page.context.set_offline(False)
    _await_network(page, is_there=True)


def _await_network(page: Page, *, is_there: bool) -> None:
    """Return when both are so: neither comes of the other."""
    for told in ("() => navigator.onLine", ASKED):
        wait_until(lambda: page.evaluate(told) is is_there, EXPECTED_MS / 1000)  # noqa: B023


def fits(page: Page) -> bool:
    """Return whether nothing makes the page scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
