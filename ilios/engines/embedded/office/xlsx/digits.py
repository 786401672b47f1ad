"""Numbers as the placeholders of a number format show them: `000-0000`, `0.0#%`, `# ?/?`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Final

from ilios.engines.embedded.office.xlsx.tokens import Kind, Token

GROUP_DIGITS: Final = 3
FRACTION_MAX_DIGITS: Final = 6
DECIMALS_MAX: Final = 30
_EXACT: Final = Context(prec=800, rounding=ROUND_HALF_UP)  #: holds the digits of any double
_PADDING: Final = {"0": "0", "#": "", "?": " "}

Tokens = Sequence[Token]


def shown(tokens: Tokens, value: Decimal) -> str:
    """Write a number in a section of a format, with a minus if it is negative."""
    magnitude = abs(value)
    magnitude *= 100 ** sum(token.kind is Kind.PERCENT for token in tokens)
    kinds = [token.kind for token in tokens]
    if Kind.EXPONENT in kinds:
        text = _scientific(tokens, magnitude, kinds.index(Kind.EXPONENT))
    elif _has_fraction(tokens):
        text = _fraction(tokens, magnitude, kinds.index(Kind.SLASH))
    else:
        text = _positional(tokens, magnitude)
    has_sign = value < 0 and (Kind.DIGIT not in kinds or any(c in "123456789" for c in text))
    return f"-{text.lstrip()}" if has_sign else text


def _positional(tokens: Tokens, magnitude: Decimal) -> str:
    whole, decimals = _split(tokens, Kind.POINT)
    scale = _commas_behind(whole) + _commas_behind(decimals)
    is_grouped = sum(token.kind is Kind.COMMA for token in whole) > _commas_behind(whole)
    places = sum(token.kind is Kind.DIGIT for token in decimals)
    before, after = _digits(_EXACT.divide(magnitude, Decimal(1000) ** scale), places)
    written = _whole(whole, before, is_grouped=is_grouped)
    fraction = _decimals(decimals, after)
    has_point = any(c.isdecimal() for c in fraction) or not places
    point = "." if has_point and len(whole) < len(tokens) else ""
    return written + (point if places else "") + fraction


def _commas_behind(tokens: Tokens) -> int:
    """Return how many commas follow the last placeholder: each divides by a thousand."""
    last = max((n for n, token in enumerate(tokens) if token.kind is Kind.DIGIT), default=-1)
    count = 0
    while last + 1 + count < len(tokens) and tokens[last + 1 + count].kind is Kind.COMMA:
        count += 1
    return count


def _split(tokens: Tokens, kind: Kind) -> tuple[Tokens, Tokens]:
    for index, token in enumerate(tokens):
        if token.kind is kind:
            return tokens[:index], tokens[index + 1 :]
    return tokens, ()


def _digits(magnitude: Decimal, places: int) -> tuple[str, str]:
    """Return the digits before and behind the point, rounded."""
    kept = min(places, DECIMALS_MAX)
    rounded = _EXACT.quantize(magnitude, Decimal(1).scaleb(-kept))
    before, _, after = f"{rounded:f}".partition(".")
    return before.lstrip("0"), after.ljust(places, "0")


def _whole(tokens: Tokens, digits: str, *, is_grouped: bool) -> str:
    """Fill the placeholders before the point from the right; the first one takes what is left."""
    first = next((n for n, token in enumerate(tokens) if token.kind is Kind.DIGIT), None)
    parts: list[str] = []
    used = 0
    for index in range(len(tokens) - 1, -1, -1):
        token = tokens[index]
        if token.kind is not Kind.DIGIT:
            parts.append(_literal(token))
            continue
        wanted = max(len(digits) - used, 1) if index == first else 1
        for _ in range(wanted):
            digit = digits[-1 - used] if used < len(digits) else _PADDING[token.text]
            if is_grouped and digit.strip() and used and used % GROUP_DIGITS == 0:
                parts.append(",")
            parts.append(digit)
            used += 1
    return "".join(reversed(parts))


def _decimals(tokens: Tokens, digits: str) -> str:
    """Fill the placeholders behind the point; zeros at the end stand only where `0` asks."""
    significant = len(digits.rstrip("0"))
    asked = [n for n, t in enumerate(t for t in tokens if t.kind is Kind.DIGIT) if t.text == "0"]
    significant = max([significant, *(n + 1 for n in asked)])
    parts: list[str] = []
    used = 0
    for token in tokens:
        if token.kind is not Kind.DIGIT:
            parts.append(_literal(token))
            continue
        parts.append(digits[used] if used < significant else _PADDING[token.text])
        used += 1
    return "".join(parts)


def _literal(token: Token) -> str:
    return token.text if token.kind in (Kind.LITERAL, Kind.PERCENT, Kind.SLASH) else ""


def _scientific(tokens: Tokens, magnitude: Decimal, at: int) -> str:
    mantissa, exponents = tokens[:at], tokens[at + 1 :]
    whole, decimals = _split(mantissa, Kind.POINT)
    step = max(sum(token.kind is Kind.DIGIT for token in whole), 1)
    places = sum(token.kind is Kind.DIGIT for token in decimals)
    exponent = magnitude.adjusted() // step * step if magnitude else 0
    before, _ = _digits(magnitude.scaleb(-exponent, _EXACT), places)
    if len(before) > step:  # rounded up to the next power
        exponent += step
    text = _positional(mantissa, magnitude.scaleb(-exponent, _EXACT))
    sign = "-" if exponent < 0 else tokens[at].text[1].replace("-", "")
    return f"{text}E{sign}{_whole(exponents, str(abs(exponent)), is_grouped=False)}"


def _has_fraction(tokens: Tokens) -> bool:
    return any(
        token.kind is Kind.SLASH and tokens[index - 1].kind is Kind.DIGIT
        for index, token in enumerate(tokens[1:], start=1)
    )


def _fraction(tokens: Tokens, magnitude: Decimal, at: int) -> str:
    """Write a mixed number: `# ?/?`; with a denominator that is given: `# ?/8`."""
    above = at
    while above and tokens[above - 1].kind is Kind.DIGIT:
        above -= 1
    below = at + 1
    while below < len(tokens) and (
        tokens[below].kind is Kind.DIGIT or tokens[below].text.isdecimal()
    ):
        below += 1
    numerator, denominator = _nearest("".join(t.text for t in tokens[at + 1 : below]), magnitude)
    whole = 0
    if any(token.kind is Kind.DIGIT for token in tokens[:above]):
        whole, numerator = divmod(numerator, denominator)
    before = _whole(tokens[:above], str(whole or ""), is_grouped=False).strip()
    after = "".join(_literal(token) for token in tokens[below:])
    if not numerator:
        return f"{before or 0}{after}"
    return f"{before} {numerator}/{denominator}{after}".strip()


def _nearest(denominator: str, magnitude: Decimal) -> tuple[int, int]:
    exact = Fraction(magnitude)
    if denominator.isdecimal() and int(denominator) and len(denominator) <= FRACTION_MAX_DIGITS:
        return round(exact * int(denominator)), int(denominator)
    digits = min(max(len(denominator), 1), FRACTION_MAX_DIGITS)
    share = exact.limit_denominator(10**digits - 1)
    return share.numerator, share.denominator
