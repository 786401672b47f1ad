"""Replacing the placeholders for images and tables in the provider's Markdown.

The Markdown is a stranger's text. So no expression may look at a character for more than a few of
its starts: brackets end a label, and what was taken is not given back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ilios.core.expressions import possessive

Range = tuple[int, int]

_IMAGE: Final = re.compile(r"!\[([^\[\]\n]*+)\]\(([^()\s]++)\)")
_LINK: Final = re.compile(r"(?<!!)\[([^\[\]\n]*+)\]\(([^()\s]++)\)")
_GAP: Final = re.compile(r"(?<![ \t])" + possessive(r"[ \t]*+\n", "{3,}"))


def with_tables(markdown: str, tables: Mapping[str, str]) -> tuple[str, dict[str, Range]]:
    """Replace placeholders such as `[tbl-0.html](tbl-0.html)` by tables, which are given by id.

    Also returns where in the text each table stands. Each is put once: a text that names it again
    and again would grow without bound.
    """
    written: list[str] = []
    places: dict[str, Range] = {}
    end = length = 0
    for match in _LINK.finditer(markdown) if tables else ():
        name = match[2]
        if name not in tables or name in places:
            continue
        before = markdown[end : match.start()]
        start = length + len(before)
        length = start + len(tables[name])
        written += before, tables[name]
        places[name] = start, length
        end = match.end()
    return "".join((*written, markdown[end:])), places


def with_images(markdown: str, names: Mapping[str, str]) -> str:
    """Replace ids of images by file names; placeholders of images without one are removed."""

    def put(match: re.Match[str]) -> str:
        alt, target = match[1], match[2]
        if target in names:
            return f"![{names[target]}]({names[target]})"
        return "" if alt == target else match[0]  # both are the id: a placeholder

    return _closed(markdown, _IMAGE.sub(put, markdown))


def without_images(markdown: str) -> str:
    """Remove all images."""
    return _IMAGE.sub("", markdown)


def _closed(before: str, after: str) -> str:
    """Close gaps of empty lines, if something was removed."""
    return after if after == before else _GAP.sub("\n\n", after).strip()
