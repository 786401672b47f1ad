"""RTF as tokens: groups, control words, characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?"  # control word and number
    r"|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])"  # byte, control symbol
    r"|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)


@dataclass(frozen=True, slots=True)
class Token:
    """Exactly one of the fields is set, except that a word may have a number."""

    word: str = ""  #: a control word
    number: int | None = None
    symbol: str = ""  #: a control symbol such as `~` or `*`
    brace: str = ""
    text: str = ""  #: characters as Latin-1, one per byte
    byte: int | None = None  #: a character in the current code page


def tokens(rtf: str) -> Iterator[Token]:
    """Split RTF into tokens; `\\bin` data is skipped."""
    position = 0
    while match := _TOKEN.search(rtf, position):
        position = match.end()
        word, number, byte, symbol, brace, text = match.groups()
        if word == "bin" and number:
            position += max(int(number), 0)
        elif word:
            yield Token(word=word, number=int(number) if number else None)
        elif byte:
            yield Token(byte=int(byte, 16))
        elif symbol:
            yield Token(symbol=symbol)
        elif brace:
            yield Token(brace=brace)
        elif text:
            yield Token(text=text)
