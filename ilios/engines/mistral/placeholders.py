"""Replacing the placeholders for images and tables in the provider's Markdown.

The Markdown is a stranger's text. So no expression may look at a character for more than a few of
its starts: brackets end a label, and what was taken is not given back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_IMAGE: Final = re.compile(r"!\[([^\[\]\n]*+)\]\(([^()\s]++)\)")
_LINK: Final = re.compile(r"(?<!!)\[([^\[\]\n]*+)\]\(([^()\s]++)\)")
_GAP: Final = re.compile(r"(?<![ \t])(?:[ \t]*+\n){3,}+")


def with_tables(markdown: str, tables: Mapping[str, str]) -> str:
    """Replace placeholders such as `[tbl-0.html](tbl-0.html)` by tables, which are given by id.

    Each table is put once: a text that names it again and again would grow without bound.
    """
    left = dict(tables)

    def put(match: re.Match[str]) -> str:
        return left.pop(match[2], match[0])

    return _LINK.sub(put, markdown) if tables else markdown


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
