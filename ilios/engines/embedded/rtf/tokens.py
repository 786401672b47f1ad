"""RTF as tokens: groups, control words, characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?"  # control word and number
    r"|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])"  # byte, control symbol
    r"|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)


class Token(NamedTuple):
    """Exactly one of the fields is set, except that a word may have a number."""

    word: str = ""  #: a control word
    number: int | None = None
    symbol: str = ""  #: a control symbol such as `~` or `*`
    brace: str = ""
    text: str = ""  #: characters as Latin-1, one per byte
    byte: int | None = None  #: a character in the current code page
    binary: str = ""  #: what `\\bin` announces, as Latin-1


class Tokens:
    """Splits RTF into tokens."""

    def __init__(self, content: bytes) -> None:
        self._rtf = content.decode("latin-1")
        self._position = 0

    def __iter__(self) -> Iterator[Token]:
        while match := _TOKEN.search(self._rtf, self._position):
            self._position = match.end()
            word, number, byte, symbol, brace, text = match.groups()
            if text:
                yield Token(text=text)
            elif word == "bin" and number:
                yield Token(binary=self._taken(max(int(number), 0)))
            elif word:
                yield Token(word=word, number=int(number) if number else None)
            elif byte:
                yield Token(byte=int(byte, 16))
            elif symbol:
                yield Token(symbol=symbol)
            elif brace:
                yield Token(brace=brace)

    def trail_byte(self) -> str:
        """Take the second byte of a character if it would else be read as a sign of RTF."""
        follows = self._rtf[self._position : self._position + 2]
        return self._taken(1) if follows[:1] in ("\\", "{", "}") and follows != "\\'" else ""

    def rest(self) -> str:
        """Return what has not been read yet."""
        return self._rtf[self._position :]

    def _taken(self, length: int) -> str:
        start = self._position
        self._position = min(start + length, len(self._rtf))
        return self._rtf[start : self._position]
