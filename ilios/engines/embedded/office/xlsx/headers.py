"""Headers and footers of printed sheets: their text without the codes."""

from __future__ import annotations

import re

_CODE = re.compile(
    r'&(?:"[^"]*"|K(?:[0-9A-Fa-f]{6}|[0-9]{2}[+-][0-9]{3})|[0-9]+|[A-Za-z])', re.DOTALL
)
_PART = re.compile(r"&([LCR])")
_NUMBERED = re.compile(r"&[PN]")
_LETTER = re.compile(r"[^\W\d_]")


def lines(header: str) -> list[str]:
    """Return the text of the left, the middle and the right part, as far as it says something.

    Parts that hold the number of a page say nothing in a document without pages of paper.
    """
    parts = _PART.split(header.replace("&&", "\ufdd0"))[::2]
    found = []
    for part in parts:
        text = " ".join(_CODE.sub("", part).replace("\ufdd0", "&").split())
        if _LETTER.search(text) and not _NUMBERED.search(part):
            found.append(text)
    return found
