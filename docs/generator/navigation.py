"""The navigation of the site is what the index pages show: their tables and lists, nothing else.

An index page names its pages by links: in the first column of its tables, or as items of a list.
They become entries of the navigation, under the heading that they stand below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx

INDEXES = {
    "docs/README": re.compile(r"^\| \[(?P<title>[^\]]+)\]\((?P<page>[^)#]+)\.md\)"),
    "docs/adr/README": re.compile(r"^- \[\d+\]\((?P<page>[^)#]+)\.md\) (?P<title>.+)"),
}
HEADING = re.compile(r"^## (?P<title>.+)")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", add_navigation)
    return {"parallel_read_safe": True}


def add_navigation(_app: Sphinx, page: str, source: list[str]) -> None:
    """Append to an index what makes entries of the pages that it names."""
    if page in INDEXES:
        source[0] = "\n\n".join([source[0], *navigation(source[0], INDEXES[page])])


def navigation(text: str, entry: re.Pattern[str]) -> Iterator[str]:
    """Yield a hidden table of contents for each heading with pages; a page counts once."""
    caption, entries, known = "", list[str](), set[str]()
    for line in text.splitlines():
        if heading := HEADING.match(line):
            yield from _contents(caption, entries)
            caption, entries = heading["title"], []
        elif (found := entry.match(line)) and found["page"] not in known:
            known.add(found["page"])
            entries.append(f"{found['title']} <{found['page']}>")
    yield from _contents(caption, entries)


def _contents(caption: str, entries: list[str]) -> Iterator[str]:
    if entries:
        options = [":hidden:", f":caption: {caption}"] if caption else [":hidden:"]
        yield "\n".join(["```{toctree}", *options, "", *entries, "```"])
