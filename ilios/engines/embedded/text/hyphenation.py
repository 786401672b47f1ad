"""Joining lines whose last word is hyphenated."""

from __future__ import annotations

import re
from typing import Final

_CUT = re.compile(r"([^\W\d_]+)-$")
_REST = re.compile(r"[a-zß-öø-ÿ]+")
_KEEP_THEIR_HYPHEN_WORDS: Final = (
    "all cross double ex full half high large long low mid multi non one open post pre real "
    "self short single small state three two ultra well wide world"
)
_KEEP_THEIR_HYPHEN: Final = frozenset(_KEEP_THEIR_HYPHEN_WORDS.split())
_LINKS: Final = frozenset(
    [
        "a",
        "and",
        "at",
        "by",
        "de",
        "for",
        "in",
        "la",
        "le",
        "of",
        "on",
        "or",
        "out",
        "the",
        "to",
        "und",
        "up",
    ]
)
"""Words in the middle of a compound: `peer-to-` + `peer`."""
_SUSPENDED = re.compile(r"(?:and|or|und|oder|bzw|bis|et|ou)(?!\w)")
"""What follows a hyphen that stands for the rest of a later word: `pre-` + `and post-war`."""


def joined(text: str, following: str) -> str:
    """Append the next line: `infor-` + `mation` is one word, `high-` + `quality` keeps its hyphen.

    A hyphen stays before anything but a small letter: it belongs to a name or a number.
    """
    cut = _CUT.search(text)
    if cut is None or not _REST.match(following):
        separator = "" if re.search(r"\w-$", text) and following[:1].isalnum() else " "
        return text + separator + following
    if _SUSPENDED.match(following) and not text[: cut.start()].endswith("-"):
        return f"{text} {following}"
    is_name = len(cut[1]) > 1 and not cut[1][1:].islower()
    links = text[: cut.start()].endswith("-") and cut[1] in _LINKS
    if is_name or links or cut[1].casefold() in _KEEP_THEIR_HYPHEN:
        return text + following
    return text[:-1] + following
