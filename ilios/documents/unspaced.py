"""Scripts that put no spaces between words: what is indexed and looked for of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

UNSPACED_LETTERS: Final = (
    "\u0e00-\u0e7f\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Ranges of the letters of Thai, Japanese and Chinese, which put no spaces between words."""
UNSPACED: Final = re.compile(f"[{UNSPACED_LETTERS}]+")


def terms(text: str) -> str | None:
    """Return what is indexed in place of a text; None for the text itself.

    Runs of UNSPACED letters become each two neighbours, and the last letter: a word of any length
    is then found as a phrase, or as the beginning of one of these.
    """
    if text.isascii() or not UNSPACED.search(text):
        return None
    return UNSPACED.sub(lambda found: f" {' '.join(pairs(found[0]))} {found[0][-1]} ", text)


def pairs(run: str) -> Iterator[str]:
    """Yield each two neighbours of a run of letters."""
    return (run[start : start + 2] for start in range(len(run) - 1))
