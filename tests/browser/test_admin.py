"""The status page on a service that is at work: what goes on, and nothing that is private."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ilios.core.settings import Settings
from ilios.db.sqlite_database import SqliteDatabase
from tests.browser.conftest import fits, go_offline, go_online, open_page
from tests.support.living import CLIENT_KEY, SECRET_NAME, SECRET_WORDS, LivingService

Visit = Callable[..., Page]
LOOKS = [(360, 740, "light"), (360, 740, "dark"), (1440, 900, "light"), (1440, 900, "dark")]
REFRESH_MS = 5000


@pytest.fixture(scope="module")
def live(browser: Browser, settings: Settings) -> Iterator[LivingService]:
    with (
        closing(SqliteDatabase(settings.database_path)) as database,
        LivingService(settings, database) as service,
    ):
        yield service


@pytest.fixture
def visit(browser: Browser, live: LivingService, complaints: list[str]) -> Iterator[Visit]:
    """Open the status page; a key is entered when it is given."""
    opened: list[Page] = []

    def visit(key: str | None = None, **options: Any) -> Page:
        page = open_page(browser, live.server.url, complaints, **options)
        opened.append(page)
        page.clock.install()
        page.goto("/admin")
        if key is not None:
            enter(page, key)
        return page

    yield visit
    for page in opened:
        page.context.close()


def enter(page: Page, key: str) -> None:
    page.get_by_label("Operator’s key").fill(key)
    page.get_by_role("button", name="Show the status").click()


def section(page: Page, title: str) -> Any:
    return page.get_by_role("region", name=title, exact=True)


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
def test_an_operator_sees_what_goes_on(
    visit: Visit, live: LivingService, complaints: list[str], width: int, height: int, scheme: str
) -> None:
    size = {"width": width, "height": height}
    page = visit(live.operator, viewport=size, color_scheme=scheme)

    expect(section(page, "What runs now")).to_contain_text(live.documents["running"])
    expect(section(page, "Waiting for a retry")).to_contain_text(live.documents["retry"])
    failures = section(page, "Last failures")
    expect(failures).to_contain_text(live.documents["failed"])
    expect(failures).to_contain_text("refuses this document")
    expect(failures).to_contain_text("refused_by_provider")
    expect(section(page, "Governor of Mistral")).to_contain_text("closed, but calls pause")
    expect(page.locator("#state")).to_contain_text("Claims are blocked")
    expect(page.locator("#services")).to_contain_text("provider_unavailable")
    expect(section(page, "Workers").get_by_role("row", name="worker-0")).to_contain_text("ready")
    expect(section(page, "Queue").get_by_role("row", name="mistral")).to_be_visible()
    expect(section(page, "Cost and pages by key")).to_contain_text("left of $25.00")
    expect(page.get_by_role("img", name="in 30 days")).to_have_count(2)
    text = page.content()
    assert not [one for one in (SECRET_NAME, SECRET_WORDS, CLIENT_KEY) if one in text]
    assert fits(page)
    assert complaints == []


def test_it_is_asked_again_by_itself_and_rests_while_nobody_looks(
    visit: Visit, live: LivingService
) -> None:
    page = visit(live.operator)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(page.locator("#as-of")).to_contain_text("asked again every 5 s")

    with page.expect_response("**/api/admin/status"):
        page.clock.fast_forward(REFRESH_MS)
    expect(page.locator("#as-of")).to_contain_text("asked again every 5 s")
    be_hidden(page, hidden=True)
    asked.clear()
    page.clock.fast_forward(10 * REFRESH_MS)
    assert asked == []
    with page.expect_response("**/api/admin/status"):
        be_hidden(page, hidden=False)


def be_hidden(page: Page, *, hidden: bool) -> None:
    """Put the tab in the background, or bring it back: Chromium without a window never does."""
    value = "true" if hidden else "false"
    page.evaluate(
        f"Object.defineProperty(document, 'hidden', {{value: {value}, configurable: true}});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )


def test_what_is_wrong_is_said_with_the_remedy(visit: Visit, live: LivingService) -> None:
    page = visit("no-such-key")
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("not valid")

    enter(page, CLIENT_KEY)
    expect(problem).to_contain_text("ilios keys create NAME --scope admin")

    enter(page, live.operator)
    expect(problem).to_be_hidden()
    expect(page.locator("#as-of")).to_contain_text("asked again every 5 s")
    go_offline(page)
    page.clock.fast_forward(REFRESH_MS)
    expect(problem).to_contain_text("offline")
    expect(page.locator("#shown")).to_be_visible()
    go_online(page)
    expect(page.locator("#as-of")).to_contain_text("asked again every 5 s")
    page.clock.fast_forward(REFRESH_MS)
    expect(problem).to_be_hidden()


def test_the_key_stays_in_the_tab_and_is_forgotten_when_asked(
    visit: Visit, live: LivingService
) -> None:
    page = visit(live.operator)
    expect(page.locator("#shown")).to_be_visible()
    assert page.evaluate("[localStorage.length, document.cookie, location.href]") == [
        0,
        "",
        f"{live.server.url}/admin",
    ]
    page.reload()
    expect(page.locator("#shown")).to_be_visible()

    page.get_by_role("button", name="Forget the key").click()

    expect(page.get_by_label("Operator’s key")).to_be_focused()
    expect(page.locator("#shown")).to_be_hidden()
    assert page.evaluate("sessionStorage.length") == 0


@pytest.mark.parametrize("width", [360, 1440])
def test_the_documentation_shows_the_operators_call(
    browser: Browser, live: LivingService, complaints: list[str], width: int
) -> None:
    size = {"width": width, "height": 900}
    page = open_page(browser, live.server.url, complaints, viewport=size)
    page.goto("/docs")
    page.locator("#operations-Operating-adminStatus").click()
    expect(page.get_by_text("Needs a key with the scope").first).to_be_visible()
    assert fits(page)
    assert complaints == []
    page.context.close()
