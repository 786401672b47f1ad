"""Making text valid for databases and JSON parsers, and comparable."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, Literal

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]")
_PAIR: Final = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")
PIECE_CHARACTERS: Final = 1_000
"""So much is normalised at once: to sort marks upon a letter takes the square of their number."""
_STARTERS_SOUGHT: Final = 100
CHECKED_CHARACTERS: Final = 1_000_000
"""So much is made storable at once: meanwhile no other thread of the process runs."""


def replace_surrogates(text: str) -> str:
    """Replace lone UTF-16 surrogates, which some files contain and no database stores."""
    if text.isascii():
        return text
    return "".join(map(_paired, _checked_pieces(text)))


def replace_invalid(text: str) -> str:
    """Replace NUL, which PostgreSQL does not store, and lone surrogates, each by one character."""
    return replace_surrogates(text.replace("\0", "\ufffd"))


def storable(text: str) -> str:
    """Replace lone surrogates, and remove NUL and other characters that are no text."""
    if len(text) <= CHECKED_CHARACTERS:
        return _CONTROL.sub("", _paired(text))
    return "".join(_CONTROL.sub("", _paired(piece)) for piece in _checked_pieces(text))


def _paired(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _checked_pieces(text: str) -> Iterator[str]:
    """Cut a long text, but never between the surrogates of a pair."""
    if len(text) <= CHECKED_CHARACTERS:
        yield text
        return
    start = 0
    while start < len(text):
        end = start + CHECKED_CHARACTERS
        if _PAIR.match(text, end - 1):
            end += 1
        yield text[start:end]
        start = end


def normalized(form: Literal["NFC", "NFKC"], text: str) -> str:
    """Return text in a normal form, in time proportional to its length whatever it holds."""
    if text.isascii():
        return text
    if len(text) <= PIECE_CHARACTERS:
        return unicodedata.normalize(form, text)
    return "".join(unicodedata.normalize(form, piece) for piece in _pieces(text))


def _pieces(text: str) -> Iterator[str]:
    """Cut text before characters that begin anew, as far as there are any near by."""
    start = 0
    while start < len(text):
        end = start + PIECE_CHARACTERS
        for place in range(end, min(end + _STARTERS_SOUGHT, len(text))):
            if text[place].isascii() or not unicodedata.combining(text[place]):
                end = place
                break
        yield text[start:end]
        start = end
