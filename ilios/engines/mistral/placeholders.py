"""Placeholders in the provider's Markdown: what stands for images and tables, and what takes their
place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_IMAGE: Final = re.compile(r"!\[([^\]\n]*)\]\(([^()\s]+)\)")
_LINK: Final = re.compile(r"(?<!!)\[([^\]\n]*)\]\(([^()\s]+)\)")
_GAP: Final = re.compile(r"(?:[ \t]*\n){3,}")


def with_tables(markdown: str, tables: Mapping[str, str]) -> str:
    """Put tables, by id, where `[tbl-0.html](tbl-0.html)` stands."""

    def put(match: re.Match[str]) -> str:
        return tables.get(match[2], match[0])

    return _LINK.sub(put, markdown) if tables else markdown


def with_images(markdown: str, names: Mapping[str, str]) -> str:
    """Give images, by id, their names; those without one leave the text."""

    def put(match: re.Match[str]) -> str:
        alt, target = match[1], match[2]
        if target in names:
            return f"![{names[target]}]({names[target]})"
        return "" if alt == target else match[0]  # both are the id: a placeholder

    return _closed(markdown, _IMAGE.sub(put, markdown))


def without_images(markdown: str) -> str:
    """The text alone."""
    return _IMAGE.sub("", markdown)


def _closed(before: str, after: str) -> str:
    """Where lines have left, close the gap."""
    return after if after == before else _GAP.sub("\n\n", after).strip()
