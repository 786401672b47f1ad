"""The parts of number formats: a code cut into sections, a section into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, auto


class Kind(Enum):
    """What a token of a number format stands for."""

    LITERAL = auto()  #: itself
    DIGIT = auto()  #: a digit: `0`, `#` or `?`
    POINT = auto()
    COMMA = auto()
    PERCENT = auto()
    SLASH = auto()
    EXPONENT = auto()  #: `E+` or `E-`
    GENERAL = auto()  #: the number without a format
    TEXT = auto()  #: the text of the cell
    DATE = auto()  #: a run of one letter, in lower case: `yyyy`
    HALF_OF_DAY = auto()  #: AM or PM
    ELAPSED = auto()  #: hours, minutes or seconds beyond a day, an hour, a minute: `h`
    BRACKET = auto()  #: a condition, a colour, a language
    END = auto()  #: of a section


@dataclass(frozen=True, slots=True)
class Token:
    """A token; of a quoted literal, `text` is what it shows."""

    kind: Kind
    text: str


_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.?)|_(?P<space>.?)|\*(?P<fill>.?)'
    r"|\[(?P<bracket>[^\]]*)\]?|(?P<general>General)|(?P<half>AM/PM|A/P|上午/下午)"
    r"|(?P<exponent>E[+-])|(?P<date>(?P<letter>[ymdhsegb])(?P=letter)*)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_SINGLE = {
    "0": Kind.DIGIT,
    "#": Kind.DIGIT,
    "?": Kind.DIGIT,
    ".": Kind.POINT,
    ",": Kind.COMMA,
    "%": Kind.PERCENT,
    "/": Kind.SLASH,
    "@": Kind.TEXT,
    ";": Kind.END,
}
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)


def sections(code: str) -> list[list[Token]]:
    """Return the tokens of each section of a code."""
    found: list[list[Token]] = [[]]
    for match in _TOKEN.finditer(code):
        token = _token(match)
        if token.kind is Kind.END:
            found.append([])
        else:
            found[-1].append(token)
    return [_without_letters(tokens) if _is_numeric(tokens) else tokens for tokens in found]


def _token(match: re.Match[str]) -> Token:
    kind = match.lastgroup if match.lastgroup != "letter" else "date"
    text = match[kind] if kind else ""
    if kind == "bracket":
        return _bracket(text)
    if kind == "space" or (kind == "fill" and not text.strip()):
        return Token(Kind.LITERAL, " ")
    if kind == "fill":
        return Token(Kind.LITERAL, "")
    if kind == "date":
        return Token(Kind.DATE, text if text[0] in "eE" else text.lower())
    named = {"general": Kind.GENERAL, "half": Kind.HALF_OF_DAY, "exponent": Kind.EXPONENT}
    if kind in named:
        return Token(named[kind], text)
    return Token(_SINGLE.get(text, Kind.LITERAL) if kind == "other" else Kind.LITERAL, text)


def _bracket(text: str) -> Token:
    if _ELAPSED.fullmatch(text):
        return Token(Kind.ELAPSED, text.lower())
    if text.startswith("$"):  # a currency and a language: `$€-407`
        return Token(Kind.LITERAL, text[1:].partition("-")[0])
    return Token(Kind.BRACKET, text)


def _is_numeric(tokens: list[Token]) -> bool:
    """Return whether digits are written other than fractions of a second."""
    after_point = False
    for token in tokens:
        if token.kind is Kind.DIGIT and not (after_point and token.text == "0"):
            return True
        after_point = token.kind is Kind.POINT or (after_point and token.kind is Kind.DIGIT)
    return False


def _without_letters(tokens: list[Token]) -> list[Token]:
    """Take letters beside digits literally: some programs do not quote the unit `kg`."""
    letters = (Kind.DATE, Kind.HALF_OF_DAY)
    return [replace(t, kind=Kind.LITERAL) if t.kind in letters else t for t in tokens]
