"""Twelve real documents from drop to download, and their pages beside those of the original."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from ilios.core.settings import Settings
from tests.browser import real_documents
from tests.browser.conftest import LOOKS, drop, fits, open_options, open_page, row, visit
from tests.support import protected
from tests.support.api_server import Server
from tests.support.sample_files import pdf, text
from tests.support.waiting import wait_until

CONVERTED_MS = 300_000  #: for all of them together
SHOWN_MS = 60_000
FORMS = {"Markdown": ".md", "HTML": ".html", "JSON": ".json", "ZIP with images": ".zip"}
PAGED = (".pdf", ".png")
AT_TOP = """() => {
  const { top } = document.querySelector('[data-number="4"]').getBoundingClientRect();
  return top > 0 && top < 120;
}"""
SHARE_OF_SHEET = """(box) => {
  const paper = box.closest(".sheet").querySelector("img").getBoundingClientRect();
  return (box.getBoundingClientRect().top - paper.top) / paper.height;
}"""
"""Returns how far down a box begins on its page."""
WORDS = {
    "invoice.pdf": "Invoice",
    "meeting-notes.docx": "Meeting notes: spring survey",
    "report.pdf": "What part 1 says of herons.",
    "letter.png": "herons have come back",
    "costs.xlsx": "Garden",
}


@pytest.fixture(scope="module")
def real(settings: Settings) -> Iterator[Server]:
    with real_documents.service(settings) as server:
        yield server


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return real_documents.write(tmp_path_factory.mktemp("documents"))


@pytest.fixture
def page(browser: Browser, real: Server, complaints: list[str]) -> Iterator[Page]:
    page = open_page(browser, real.url, complaints, viewport={"width": 1440, "height": 900})
    visit(page)
    yield page
    page.context.close()


def picture(page: Page, name: str) -> None:
    """Keep what the page looks like, if a folder for it is named."""
    if folder := os.environ.get("ILIOS_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def ended(page: Page, count: int) -> None:
    expect(page.locator("#sent")).to_contain_text(f"{count} of {count} ended", timeout=CONVERTED_MS)


def look_at(page: Page, name: str) -> None:
    page.locator("#home").get_by_role("link", name=name).first.click()
    expect(page.locator("#viewer-title")).to_have_text(name)
    expect(page.locator("#page-list .text > *").first).to_be_attached(timeout=SHOWN_MS)


def sheet(page: Page, number: int) -> Locator:
    return page.get_by_role("img", name=f"Page {number} of the original")


def named(paths: list[Path], name: str) -> Path:
    return next(path for path in paths if path.name == name)


def convert(page: Page, path: Path) -> None:
    drop(page, path)
    expect(page.locator("#sent .row").first).to_contain_text("Done", timeout=CONVERTED_MS)
    look_at(page, path.name)


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
def test_twelve_documents_from_drop_to_download(
    browser: Browser,
    real: Server,
    paths: list[Path],
    complaints: list[str],
    width: int,
    height: int,
    scheme: str,
) -> None:
    assert len(paths) == 12
    size = {"width": width, "height": height}
    options = {"viewport": size, "color_scheme": scheme, "accept_downloads": True}
    page = open_page(browser, real.url, complaints, **options)
    visit(page)
    drop(page, *paths)
    ended(page, len(paths))
    expect(page.locator("#recent-note")).to_be_hidden()  # no "No documents yet" below them
    assert fits(page)
    picture(page, f"list-{width}-{scheme}")

    for path in paths:
        look_at(page, path.name)
        if path.name in WORDS:
            expect(page.locator("#page-list .text").first).to_contain_text(WORDS[path.name])
        if path.suffix in PAGED:
            if width < 900:
                page.locator("#viewer").get_by_text("Original", exact=True).click()
            expect(sheet(page, 1)).to_be_visible(timeout=SHOWN_MS)
            picture(page, f"original-{path.name}-{width}-{scheme}")
            page.locator("#viewer").get_by_text("Text", exact=True).click()
        else:
            expect(page.locator("#page-list img")).to_have_count(0)
        assert fits(page)
        picture(page, f"text-{path.name}-{width}-{scheme}")
        wanted = FORMS | ({"Searchable PDF": ".pdf"} if path.suffix in PAGED else {})
        for form, suffix in wanted.items() if path.name == "invoice.pdf" else [*wanted.items()][:1]:
            _download(page, form, path.stem + suffix)
        page.get_by_role("link", name="All documents").click()
        expect(page.locator("#home")).to_be_visible()

    assert complaints == []
    page.context.close()


def _download(page: Page, form: str, name: str) -> None:
    with page.expect_download() as download:
        page.locator("#viewer-menu").get_by_text("Download").click()
        page.locator("#viewer-menu").get_by_role("button", name=form).click()
    assert download.value.suggested_filename == name
    assert download.value.path().stat().st_size > 0


def test_a_block_is_highlighted_on_both_sides(page: Page, paths: list[Path]) -> None:
    convert(page, named(paths, "report.pdf"))
    text = page.locator('[data-number="1"] .text .block').filter(has_text="What part 1 says")
    expect(sheet(page, 1)).to_be_visible(timeout=SHOWN_MS)

    text.hover()
    lit = page.locator('[data-number="1"] rect.on')
    expect(lit).to_have_count(1)
    share = lit.evaluate(SHARE_OF_SHEET)
    assert 0.1 < share < 0.16  # its line stands 720 points above the lower edge of 842

    page.mouse.move(5, 5)
    expect(lit).to_have_count(0)
    page.locator('[data-number="1"] rect[data-box="0"]').hover()
    expect(page.locator('[data-number="1"] .text .block.on')).to_have_text("Part 1")
    page.locator("#viewer").get_by_text("Source", exact=True).click()
    expect(page.locator('[data-number="1"] .source')).to_contain_text("What part 1 says of herons.")
    page.locator('[data-number="1"] .source .block').last.hover()
    expect(page.locator('[data-number="1"] rect.on')).to_have_count(1)


def test_pages_stay_in_step_and_those_to_check_are_marked(page: Page, paths: list[Path]) -> None:
    convert(page, named(paths, "report.pdf"))

    marked = page.locator("#marked")
    expect(marked).to_contain_text("1 page to check")
    marked.locator("summary").click()
    marked.get_by_role("link", name="6").click()
    expect(page.locator("#page-number")).to_have_value("6")
    expect(page.locator(".page.doubtful")).to_have_attribute("data-number", "6")
    expect(sheet(page, 6)).to_be_in_viewport()

    page.get_by_role("button", name="Next page").click()
    expect(page.locator('[data-number="7"] .text')).to_contain_text("Part 7")
    expect(page.locator('[data-number="7"] .text')).to_be_in_viewport()
    expect(sheet(page, 7)).to_be_in_viewport()
    expect(page).to_have_url(re.compile("/7$"))
    wait_until(lambda: _scrolled_up(page) == "1", SHOWN_MS / 1000)


def _scrolled_up(page: Page) -> str:
    """Scroll towards the top, where pages that arrive may move it; return the page's number."""
    page.mouse.wheel(0, -100_000)
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
    return page.locator("#page-number").input_value()


def test_the_page_that_is_read_stays_while_others_arrive(page: Page, tmp_path: Path) -> None:
    lines = [f"{line} things are told of herons, and each takes two lines" for line in range(40)]
    path = tmp_path / "long.pdf"
    path.write_bytes(pdf(*(text(f"Part {number}", *lines) for number in range(1, 7))))
    page.set_viewport_size({"width": 360, "height": 740})
    convert(page, path)
    for _ in range(3):
        page.keyboard.press("n")

    for side in ("text", "source", "text"):
        for number in (3, 4):
            shown = page.locator(f'[data-number="{number}"] .{side}')
            expect(shown).to_contain_text(f"Part {number}", timeout=SHOWN_MS)
        page.wait_for_function(AT_TOP)
        expect(page.locator("#page-number")).to_have_value("4")
        page.keyboard.press("s")


def test_a_protected_file_asks_for_its_password_before_its_cost_is_shown(page: Page) -> None:
    open_options(page)
    page.get_by_label("Show the cost first").check()
    drop(page, protected.path())
    asked = row(page, "r6-user.pdf")
    expect(asked).to_contain_text("Protected by a password.", timeout=SHOWN_MS)
    expect(asked.get_by_role("button", name="Send again")).to_have_count(0)

    asked.get_by_label("Password of the file").fill(protected.WRONG)
    asked.get_by_role("button", name="Retry with it").click()
    expect(asked).to_contain_text("Wrong password.", timeout=SHOWN_MS)
    asked.get_by_label("Password of the file").fill(protected.PASSWORD)
    asked.get_by_label("Password of the file").press("Enter")

    expect(asked).to_contain_text("no cost for", timeout=SHOWN_MS)
    expect(asked.get_by_label("Password of the file")).to_have_count(0)
    asked.get_by_role("button", name="Convert").click()
    expect(asked).to_contain_text("Done", timeout=CONVERTED_MS)
    look_at(page, "r6-user.pdf")
    expect(page.locator("#page-list .text").first).to_contain_text(protected.TEXT)


def test_everything_can_be_done_from_the_keyboard(page: Page, paths: list[Path]) -> None:
    convert(page, named(paths, "report.pdf"))
    row = page.locator("#sent").get_by_role("link", name="report.pdf")
    page.keyboard.press("u")
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#viewer-title")).to_be_focused()
    expect(page.locator('[data-number="1"] .text .block').first).to_be_attached(timeout=SHOWN_MS)

    page.keyboard.press("n")
    expect(page.locator("#page-number")).to_have_value("2")
    page.keyboard.press("p")
    expect(page.locator("#page-number")).to_have_value("1")
    page.keyboard.press("]")
    expect(page.locator(".block.on")).to_have_text("Part 1")
    page.keyboard.press("]")
    expect(page.locator(".block.on")).to_have_text("What part 1 says of herons.")
    page.keyboard.press("m")
    expect(page.locator("#page-number")).to_have_value("6")
    page.keyboard.press("s")
    expect(page.get_by_label("Source", exact=True)).to_be_checked()
    page.keyboard.press("u")
    expect(row).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("n?")
    expect(page.get_by_role("searchbox")).to_have_value("n?")


def test_the_keys_are_listed_and_can_be_switched_off(page: Page) -> None:
    expect(page.locator("#usage")).to_contain_text("in 30 days")
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard")
    expect(help_).to_contain_text("Next page to check")
    help_.get_by_label("Use these keys").uncheck()
    help_.get_by_role("button", name="Close").click()

    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).not_to_be_focused()


def test_the_markdown_is_copied(browser: Browser, real: Server, paths: list[Path]) -> None:
    allowed = ["clipboard-read", "clipboard-write"]
    page = open_page(browser, real.url, [], permissions=allowed)
    visit(page)
    convert(page, named(paths, "minutes.html"))

    page.evaluate("window.setTimeout = () => 0")  # the button would say it for two seconds only
    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert "# Minutes of the meeting" in page.evaluate("navigator.clipboard.readText()")
    page.context.close()
