"""Number formats of workbooks: what a code such as `#,##0.00 "kg"` makes of a value.

Dates are the exception to "as shown": a day with its month and year is written as ISO 8601,
because 03/04/24 means two days.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from ilios.engines.embedded.office.xlsx import dates, digits
from ilios.engines.embedded.office.xlsx.tokens import Kind, Token, sections

GENERAL: Final = "General"
CODE_MAX_CHARACTERS: Final = 1_000  #: Excel allows 255; a longer code is taken for General
WHOLE_MAX_DIGITS: Final = 20
"""Longer whole numbers are measured, not counted: Excel keeps 15 digits."""

_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*([-+]?[\d.]+(?:E[-+]?\d+)?)", re.IGNORECASE)
_COMPARED: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}
_WRITTEN = (Kind.DIGIT, Kind.GENERAL, Kind.TEXT, Kind.LITERAL, Kind.DATE, Kind.ELAPSED)


@dataclass(frozen=True, slots=True)
class _Section:
    """The part of a code that is meant for some values, such as the negative ones."""

    tokens: tuple[Token, ...]
    condition: tuple[str, float] | None
    is_date: bool

    @property
    def is_empty(self) -> bool:
        return not any(token.kind in _WRITTEN for token in self.tokens)

    def holds(self, value: float) -> bool:
        return self.condition is not None and _COMPARED[self.condition[0]](value, self.condition[1])

    def shows_no_sign(self) -> bool:
        """Return whether only negative values come here, so that the code writes their sign."""
        return self.condition in (("<", 0.0), ("<=", 0.0))


class NumberFormat:
    """A number format, ready to write values."""

    def __init__(self, code: str) -> None:
        parts = [_section(tokens) for tokens in sections(code)]
        self._text = next((p for p in parts if any(t.kind is Kind.TEXT for t in p.tokens)), None)
        if self._text is None and len(parts) > 3:
            self._text = parts[3]
        self._numbers = [part for part in parts[:3] if part is not self._text]
        self._hides = all(part.is_empty for part in parts)  # `;;;` hides; it says nothing

    def number(self, value: float, exact: str, *, is_1904: bool) -> str:
        """Write a number; `exact` are the digits that are stored."""
        if self._hides or not self._numbers:
            return general(value, exact)
        section, is_signed = self._chosen(value)
        if section is None:
            return general(value, exact)
        if section.is_date:
            shown = dates.shown(section.tokens, value, is_1904=is_1904)
            return general(value, exact) if shown is None else shown
        if any(token.kind is Kind.GENERAL for token in section.tokens):
            return _with_general(section.tokens, value, exact, is_signed=is_signed)
        stored = _decimal(value, exact)
        return digits.shown(section.tokens, stored if is_signed else abs(stored))

    @property
    def leaves_text(self) -> bool:
        """Whether texts are shown as they are."""
        return self._text is None or not any(
            token.kind is Kind.LITERAL and token.text.strip() for token in self._text.tokens
        )

    def text(self, text: str) -> str:
        """Write a text, which most formats leave as it is."""
        if self._text is None or self.leaves_text:
            return text
        return "".join(
            text if token.kind is Kind.TEXT else token.text
            for token in self._text.tokens
            if token.kind in (Kind.TEXT, Kind.LITERAL)
        )

    def _chosen(self, value: float) -> tuple[_Section | None, bool]:
        """Return the section for a value, if any, and whether a minus is written before it."""
        parts = self._numbers
        if any(part.condition for part in parts):
            for part in parts:
                if part.condition is None or part.holds(value):
                    return part, not part.shows_no_sign()
            return None, True
        if value < 0 and len(parts) > 1:
            return parts[1], False
        if value == 0 and len(parts) > 2:
            return parts[2], False
        return parts[0], True


@lru_cache(maxsize=4096)
def compiled(code: str) -> NumberFormat:
    """Return the format of a code; equal codes share one."""
    if code != GENERAL and (len(code) > CODE_MAX_CHARACTERS or code.lower() == GENERAL.lower()):
        return compiled(GENERAL)
    return NumberFormat(code)


def general(value: float, exact: str) -> str:
    """Write a number without a format: all digits that count, none that are binary noise."""
    if exact.isdecimal() and exact.isascii() and len(exact) <= WHOLE_MAX_DIGITS:
        return exact.lstrip("0") or "0"
    if exact.startswith("-") and exact[1:].isdecimal() and len(exact) <= WHOLE_MAX_DIGITS:
        return str(int(exact))
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15G}"


def _section(tokens: list[Token]) -> _Section:
    condition = None
    for token in tokens:
        match = _CONDITION.fullmatch(token.text) if token.kind is Kind.BRACKET else None
        if match:
            condition = (match[1], _operand(match[2]))
    return _Section(tuple(tokens), condition, any(_is_moment(token) for token in tokens))


def _operand(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _is_moment(token: Token) -> bool:
    return token.kind is Kind.ELAPSED or (token.kind is Kind.DATE and token.text[0] in "ymdhs")


def _decimal(value: float, exact: str) -> Decimal:
    """Return the number that is meant: whole numbers exactly, others to 15 digits as Excel does."""
    if len(exact) <= 40 and exact.isascii() and exact.lstrip("-").isdecimal():
        return Decimal(exact)
    return Decimal(f"{value:.15g}")


def _with_general(tokens: tuple[Token, ...], value: float, exact: str, *, is_signed: bool) -> str:
    number = general(value, exact)
    if not is_signed:
        number = number.lstrip("-")
    return "".join(
        number if token.kind is Kind.GENERAL else token.text
        for token in tokens
        if token.kind in (Kind.GENERAL, Kind.LITERAL)
    )
