"""The site: no dead link, nothing from elsewhere, and the whole of the API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import html

from tests.support.forking import REPOSITORY
from tests.unit.structure.pages import links, pages

INDEX = REPOSITORY / "docs" / "README.md"
LOADED = (
    "//script/@src | //link/@href | //img/@src | //iframe/@src | //source/@src | //object/@data"
)
OF_A_STYLE = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
METHODS = ("get", "put", "post", "delete")


def test_every_page_of_the_repository_that_the_index_names_is_there(site: Path) -> None:
    named = {(INDEX.parent / urlsplit(link).path).resolve() for link in links(INDEX)}
    ours = {page.relative_to(REPOSITORY) for page in pages() if page in named}

    assert len(ours) > 35
    assert [str(page) for page in ours if not (site / page.with_suffix(".html")).is_file()] == []


def test_no_link_is_dead(site: Path) -> None:
    dead = [
        f"{page.relative_to(site)}: {link}"
        for page in _built(site)
        for link in _parsed(page).xpath("//a/@href")
        if not urlsplit(link).scheme and not _leads_somewhere(page, link)
    ]

    assert dead == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = {str(one) for page in _built(site) for one in _parsed(page).xpath(LOADED)}
    for sheet in site.rglob("*.css"):
        loaded |= {a or b for a, b in OF_A_STYLE.findall(sheet.read_text())}

    elsewhere = {one for one in loaded if urlsplit(one).netloc}

    assert len(loaded) > 5
    assert elsewhere == set()


def test_the_reference_has_every_call_and_every_object(site: Path) -> None:
    page = site / "docs" / "reference.html"
    document = json.loads((site / "openapi.json").read_text())
    calls = {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }

    headings = {one.text_content().rstrip("¶#") for one in _parsed(page).xpath("//h3")}

    assert _parsed(page).xpath("//a[@href='../openapi.json']")
    assert len(calls) > 60
    assert (calls | set(document["components"]["schemas"])) - headings == set()


def test_the_search_knows_the_words_of_the_pages(site: Path) -> None:
    index = (site / "searchindex.js").read_text()

    assert "idempot" in index
    assert "docs/recipes/curl" in index


def _built(site: Path) -> Iterator[Path]:
    yield from sorted(site.rglob("*.html"))


@cache
def _parsed(page: Path) -> html.HtmlElement:
    return html.fromstring(page.read_bytes())


def _leads_somewhere(page: Path, link: str) -> bool:
    parts = urlsplit(link)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return False
    fragment = unquote(parts.fragment)
    return not fragment or target.suffix != ".html" or fragment in _ids(target)


@cache
def _ids(page: Path) -> frozenset[str]:
    return frozenset(_parsed(page).xpath("//@id"))
