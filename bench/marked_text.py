"""Parts of a page that a command writes: between `<!-- NAME -->` and `<!-- end of NAME -->`."""

from __future__ import annotations


def replace(page: str, name: str, text: str) -> str:
    """Return the page with `text` between the marks. Raises ValueError when they are missing."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    head, found, rest = page.partition(begin)
    _, found_too, tail = rest.partition(end)
    if not (found and found_too):
        raise ValueError(f"the page has no {begin.strip()} … {end.strip()}")
    return head + begin + text + end + tail
