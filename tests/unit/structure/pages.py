"""Markdown pages of the repository, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support.forking import REPOSITORY

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_NOT_IN_A_SLUG = re.compile(r"[^\w\- ]")


def pages() -> list[Path]:
    """Return every Markdown file, but those of libraries and tools."""
    folders = (path for path in REPOSITORY.iterdir() if path.is_dir() and path.name[0] != ".")
    below = (page for folder in folders for page in folder.rglob("*.md"))
    return sorted(
        page for page in (*REPOSITORY.glob("*.md"), *below) if "node_modules" not in page.parts
    )


@cache
def tokens(page: Path) -> list[Token]:
    """Return what a page is made of, in order."""
    return _MARKDOWN.parse(page.read_text())


def links(page: Path) -> Iterator[str]:
    """Yield the targets of links and images."""
    for token in _inline(page):
        target = token.attrGet("href") or token.attrGet("src")
        if target is not None:
            yield str(target)


def code_spans(page: Path) -> set[str]:
    """Return what stands in backticks within a line."""
    return {token.content for token in _inline(page) if token.type == "code_inline"}


def commands(page: Path) -> Iterator[str]:
    """Yield the lines of code blocks, and what stands in backticks within a line."""
    for token in tokens(page):
        if token.type == "fence":
            yield from token.content.splitlines()
    yield from code_spans(page)


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: list[str] = []
    for heading, content in pairwise(tokens(page)):
        if heading.type == "heading_open":
            slug = _slug(content)
            repeated = sum(re.fullmatch(rf"{slug}(-\d+)?", one) is not None for one in found)
            found.append(f"{slug}-{repeated}" if repeated else slug)
    return frozenset(found)


def table(page: Path, heading: str) -> list[list[str]]:
    """Return the rows of the tables below a heading, up to the next one, without their heads."""
    rows: list[list[str]] = []
    is_below = is_body = False
    for token, content in pairwise(tokens(page)):
        match token.type:
            case "heading_open":
                is_below = content.content == heading
            case "tbody_open" | "tbody_close":
                is_body = token.type == "tbody_open"
            case "tr_open" if is_below and is_body:
                rows.append([])
            case "td_open" if is_below:
                rows[-1].append(content.content)
    return rows


def _inline(page: Path) -> Iterator[Token]:
    for token in tokens(page):
        yield from token.children or ()


def _slug(heading: Token) -> str:
    text = "".join(child.content for child in heading.children or ())
    return _NOT_IN_A_SLUG.sub("", text.lower()).replace(" ", "-")
