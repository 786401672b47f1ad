"""What stands beside the text of a page, such as comments, as a quotation below it."""

from __future__ import annotations

from collections.abc import Iterable


def quoted(title: str, texts: Iterable[str]) -> str:
    """Write texts as a quotation below a title; nothing if there are none."""
    lines = ["> " + text.replace("\n", "\n> ") for text in texts]
    return "\n>\n".join([f"> {title}:", *lines]) if lines else ""
