"""Searches documents of a session: by a part of their name, and by words that one page has all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from ilios.engines import markdown_structure
from ilios.engines.folded_text import FoldedText, letters
from ilios.local.mcp.documents import MATCHES_MAX
from ilios.local.mcp.messages import Match
from ilios.local.mcp.session_documents import SessionDocument

AROUND_CHARACTERS: Final = 200  #: of a snippet, on both sides of the first word


def search(
    query: str, documents: Sequence[SessionDocument]
) -> list[tuple[SessionDocument, list[Match]]]:
    """Return those that are found, in their order; first those whose names have the query.

    Case, accents and signs do not matter. Words of Latin letters are found whole, others in part.
    """
    words = [word for word in map(letters, query.split()) if word]
    part = query.casefold().strip()
    named, worded = [], []
    for document in documents:
        matches = list(islice(_matches(document.pages or {}, words), MATCHES_MAX))
        if part in document.name.casefold():
            named.append((document, matches))
        elif matches:
            worded.append((document, matches))
    return named + worded


def _matches(pages: dict[int, str], words: Sequence[str]) -> Iterable[Match]:
    """Yield the pages that have all words."""
    if not words:
        return
    for number, markdown in pages.items():
        text = FoldedText(markdown)
        places = [_place(text, word) for word in words]
        first = min((place for place in places if place is not None), default=None)
        if first is not None and None not in places:
            yield Match(page=number, snippet=_snippet(markdown, first))


def _place(text: FoldedText, word: str) -> int | None:
    """Return where a word stands in a text; None if it does not."""
    found = text.find(word)
    while found >= 0:
        start, end = text.place(found), text.place(found + len(word) - 1) + 1
        if not word.isascii() or text.is_word(start, end):
            return start
        found = text.find(word, found + 1)
    return None


def _snippet(markdown: str, place: int) -> str:
    """Return plain text around a place."""
    part = markdown[max(0, place - AROUND_CHARACTERS) : place + AROUND_CHARACTERS]
    return " ".join(markdown_structure.bare(part).split())
