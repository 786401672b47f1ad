"""What stands in one cell of a table, where Markdown has one line."""

from __future__ import annotations

from collections.abc import Iterable

_BREAK = "<br>"


def joined(parts: Iterable[tuple[str, bool]]) -> str:
    """Join texts, each of which tells whether it stands on a line of its own, as items do."""
    text = ""
    after_line = False
    for part, is_line in parts:
        if part and text:
            text += _BREAK if is_line or after_line else " "
        text += part
        after_line = is_line if part else after_line
    return text
