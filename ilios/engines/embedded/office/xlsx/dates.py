"""Dates and times of workbooks: days since an epoch, as a number format shows them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from ilios.engines.embedded.office.xlsx.tokens import Kind, Token

DAY_MAX: Final = 2_958_465  #: 9999-12-31
SECONDS_PER_DAY: Final = 86_400
_EPOCH: Final = datetime.datetime(1899, 12, 30)  # noqa: DTZ001 - cells know no time zone
_EPOCH_1904: Final = datetime.datetime(1904, 1, 1)  # noqa: DTZ001
_LEAP_DAY: Final = 60  #: Excel counts a 29 February 1900 that never was
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Tokens = Sequence[Token]


def shown(tokens: Tokens, serial: float, *, is_1904: bool) -> str | None:
    """Write a moment or a duration; None if the number is none.

    A day with its month and year is written as ISO 8601, anything else as the format shows it.
    """
    tokens = _told_apart(tokens)
    places = _places(tokens)
    if abs(serial) >= DAY_MAX + 1:
        return None
    if any(token.kind is Kind.ELAPSED for token in tokens):
        return _duration(tokens, serial, places)
    if serial < 0:
        return None
    letters = {token.text[0] for token in tokens if token.kind is Kind.DATE}
    has_day, has_time = bool(letters & set("yMdeE")), bool(letters & set("hms"))
    if has_day and serial < 1 and not is_1904:  # no day: a time, or an empty date
        if not has_time:
            return None
        return _time(_moment(serial, places, is_1904=False), letters, places)
    moment = _moment(serial, places, is_1904=is_1904)
    if letters >= set("Md") and letters & set("yeE"):
        day = moment.date().isoformat()
        return f"{day} {_time(moment, letters, places)}" if has_time else day
    return _as_the_format_says(tokens, moment)


def serial_of(text: str, *, is_1904: bool) -> float | None:
    """Return the days of a date in ISO 8601, as strict workbooks store it."""
    try:
        moment = datetime.datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return None
    since = moment - (_EPOCH_1904 if is_1904 else _EPOCH)
    days = since.days + (since.seconds + since.microseconds / 1e6) / SECONDS_PER_DAY
    return days if is_1904 or days > _LEAP_DAY else days - 1


def _moment(serial: float, places: int, *, is_1904: bool) -> datetime.datetime:
    days = int(serial)
    if not is_1904 and 0 < days < _LEAP_DAY:
        days += 1
    seconds = round((serial - int(serial)) * SECONDS_PER_DAY, places)
    epoch = _EPOCH_1904 if is_1904 else _EPOCH
    try:
        return epoch + datetime.timedelta(days, seconds)
    except OverflowError:
        return datetime.datetime.max  # noqa: DTZ901


def _told_apart(tokens: Tokens) -> list[Token]:
    """Write months as `M`: `m` is minutes behind hours and before seconds."""
    moments = [n for n, t in enumerate(tokens) if t.kind in (Kind.DATE, Kind.ELAPSED)]
    minutes = {
        index
        for index, other in [*pairwise(moments), *((b, a) for a, b in pairwise(moments))]
        if tokens[other].text[0] == ("s" if index < other else "h")
    }
    return [
        Token(Kind.DATE, token.text.upper())
        if token.kind is Kind.DATE and token.text[0] == "m" and not _is_minute(token, n, minutes)
        else token
        for n, token in enumerate(tokens)
    ]


def _is_minute(token: Token, index: int, minutes: set[int]) -> bool:
    return index in minutes and len(token.text) <= 2


def _places(tokens: Tokens) -> int:
    """Return how many digits of a second's fraction are shown, 6 at most."""
    return min(sum(token.kind is Kind.DIGIT for token in tokens), 6)


def _time(moment: datetime.datetime, letters: set[str], places: int) -> str:
    if "s" not in letters:
        return f"{moment:%H:%M}"
    return f"{moment:%H:%M:%S}" + (f".{moment:%f}"[: places + 1] if places else "")


def _duration(tokens: Tokens, serial: float, places: int) -> str:
    total = round(abs(serial) * SECONDS_PER_DAY, places)
    whole = int(total)
    elapsed = {"h": whole // 3600, "m": whole // 60, "s": whole}
    minutes = whole // 60 % 60
    rest = {"h": whole // 3600 % 24, "m": minutes, "M": minutes, "s": whole % 60}
    fraction = f"{total - whole:.{places}f}"[2:]
    parts: list[str] = []
    for token in tokens:
        letter = token.text[:1]
        if token.kind is Kind.ELAPSED:
            parts.append(f"{elapsed[letter]:0{len(token.text)}d}")
        elif token.kind is Kind.DATE and letter in rest:
            parts.append(f"{rest[letter]:0{min(len(token.text), 2)}d}")
        elif token.kind is Kind.DIGIT:
            parts.append(fraction[:1])
            fraction = fraction[1:]
        elif token.kind in (Kind.LITERAL, Kind.POINT, Kind.COMMA, Kind.SLASH):
            parts.append(token.text)
    return ("-" if serial < 0 else "") + "".join(parts).strip()


def _as_the_format_says(tokens: Tokens, moment: datetime.datetime) -> str:
    is_halved = any(token.kind is Kind.HALF_OF_DAY for token in tokens)
    fraction = f"{moment:%f}"
    parts: list[str] = []
    for token in tokens:
        if token.kind is Kind.DATE:
            parts.append(_part(token.text, moment, is_halved=is_halved))
        elif token.kind is Kind.HALF_OF_DAY:
            names = token.text if len(token.text) == len("a/p") else token.text.upper()
            parts.append(names.split("/")[moment.hour >= 12])
        elif token.kind is Kind.DIGIT:
            parts.append(fraction[:1])
            fraction = fraction[1:]
        elif token.kind is not Kind.BRACKET:
            parts.append(token.text)
    return "".join(parts)


def _part(letters: str, moment: datetime.datetime, *, is_halved: bool) -> str:
    """Write one part of a date or time: `MMM`, `dd`, `h` …"""
    letter, length = letters[0], len(letters)
    if letter in "yeE":
        return f"{moment.year:04d}"[-2:] if letter == "y" and length <= 2 else f"{moment.year}"
    if letter == "b":  # the Buddhist calendar
        return f"{moment.year + 543}"
    if letter == "g":  # the name of an era: the year follows in full
        return ""
    if letter == "M" and length >= 3:
        name = _MONTHS[moment.month - 1]
        return {3: name[:3], 5: name[:1]}.get(length, name)
    if letter == "d" and length >= 3:
        name = _DAYS[moment.weekday()]
        return name[:3] if length == 3 else name
    hour = (moment.hour - 1) % 12 + 1 if is_halved else moment.hour
    numbers = {
        "M": moment.month,
        "d": moment.day,
        "h": hour,
        "m": moment.minute,
        "s": moment.second,
    }
    return f"{numbers[letter]:0{min(length, 2)}d}"
