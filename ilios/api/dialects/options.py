"""Options of a dialect: read leniently, and noted where nobody reads them.

What clients write differently is the same here: `true`, `1` and `yes`; a number and its digits; a
list, a name sent again and again, and a text with commas. A wrong value of a known option is
refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ilios.core.request_errors import InvalidField
from ilios.engines.page_selection import ALLOWED, MAX_PAGE_NUMBER, PageSelection

IGNORED: Final = "options_ignored"
NAMES_SHOWN: Final = 20
NAME_SHOWN_MAX_CHARACTERS: Final = 60
LIST_MAX_ITEMS: Final = 10_000
_TRUE: Final = ("true", "1", "yes", "on", "y", "t")
_FALSE: Final = ("false", "0", "no", "off", "n", "f")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}(?:\.0{1,20})?", re.ASCII)
_SPAN: Final = re.compile(r"\s*([0-9]{1,6})\s*(?:-\s*([0-9]{1,6})\s*)?", re.ASCII)


class Options:
    """The options that a request brings, by name; what is null or empty was not sent."""

    def __init__(self, sent: Mapping[str, Any]) -> None:
        """Take the values of a form, a query or a JSON object; a list has several values."""
        self._sent: dict[str, list[Any]] = {}
        for name, value in sent.items():
            values = value if isinstance(value, list) else [value]
            kept = [one for one in values if one is not None and one != ""]
            if kept:
                self._sent.setdefault(name.removesuffix("[]"), []).extend(kept)
        self._read: set[str] = set()

    def value(self, name: str) -> Any:
        """Return the last value of an option as it came; None where it was not sent."""
        self._read.add(name)
        return self._sent.get(name, [None])[-1]

    def text(self, name: str, default: str | None = None, *, most: int = 1024) -> str | None:
        """Return a text of at most so many characters. Raise InvalidField."""
        value = self.value(name)
        if value is None:
            return default
        if not isinstance(value, str) or len(value) > most or not is_writable(value):
            raise InvalidField(name, value, f"a text of at most {most} characters")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return a choice of yes and no. Raise InvalidField."""
        value = self.value(name)
        if value is None:
            return default
        word = _word(value)
        if word not in (*_TRUE, *_FALSE):
            raise InvalidField(name, value, "true or false")
        return word in _TRUE

    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int | None:
        """Return a whole number from `low` to `high`. Raise InvalidField."""
        value = self.value(name)
        return default if value is None else whole(name, value, low, high)

    def choice(self, name: str, allowed: Iterable[str], default: str | None = None) -> str | None:
        """Return one of the allowed words, whatever its case. Raise InvalidField."""
        value = self.value(name)
        return default if value is None else _one_of(name, value, tuple(allowed))

    def choices(self, name: str, allowed: Iterable[str]) -> list[str]:
        """Return some of the allowed words in their order, each once. Raise InvalidField."""
        known = tuple(allowed)
        return list(dict.fromkeys(_one_of(name, value, known) for value in self.values(name)))

    def values(self, name: str) -> list[Any]:
        """Return all values of an option; those of a text with commas or of a JSON list apart."""
        self._read.add(name)
        found: list[Any] = []
        for value in self._sent.get(name, []):
            if isinstance(value, str):
                bare = value.strip().removeprefix("[").removesuffix("]")
                found += [item.strip().strip("'\"") for item in bare.split(",") if item.strip()]
            else:
                found.append(value)
            if len(found) > LIST_MAX_ITEMS:
                raise InvalidField(name, value, f"at most {LIST_MAX_ITEMS} values")
        return found

    def pages(self, name: str, *, first: int = 1) -> PageSelection | None:
        """Return a selection of pages, of which the first has the number `first`.

        Numbers and ranges in a text, such as `1-3,7`, or a list of both. Raise InvalidField.
        """
        values = self.values(name)
        if not values:
            return None
        spans = [_span(name, value, first) for value in values]
        singles = PageSelection.of_indexes({start for start, end in spans if start == end})
        parts = [f"{start + 1}-{end + 1}" for start, end in spans if start < end]
        return PageSelection.parse(",".join((*filter(None, [str(singles)]), *parts)))

    def ignore(self, *names: str) -> None:
        """Leave out of the notes what has no meaning here and changes no answer."""
        self._read.update(names)

    def agree(self, **here: bool) -> None:
        """Leave choices of yes and no out of the notes where they ask for what happens here."""
        for name, is_so in here.items():
            words = _TRUE if is_so else _FALSE
            if all(_word(value) in words for value in self._sent.get(name, [])):
                self._read.add(name)

    def notes(self) -> list[dict[str, Any]]:
        """Return a warning that names what was sent and nobody has read; none if all was read."""
        ignored = sorted(self._sent.keys() - self._read)
        if not ignored:
            return []
        shown = ", ".join(f"{name:.{NAME_SHOWN_MAX_CHARACTERS}}" for name in ignored[:NAMES_SHOWN])
        more = len(ignored) - NAMES_SHOWN
        rest = f", and {more} more" if more > 0 else ""
        return [without_effect(f"{shown}{rest}")]


def without_effect(what: str) -> dict[str, Any]:
    """Return the warning that what was sent has no effect."""
    return note(f"Without effect here: {what}")


def note(message: str) -> dict[str, Any]:
    """Return the warning that an option is not, or not wholly, followed; its full stop is added."""
    return {"code": IGNORED, "message": f"{message}.", "page": None}


def is_writable(text: str) -> bool:
    """Return whether a text has no half of a surrogate pair, which JSON may have, but no file."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def whole(name: str, value: Any, low: int, high: int) -> int:
    """Return a value as a whole number from `low` to `high`. Raise InvalidField."""
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and math.isfinite(value) and value == int(value):
        number = int(value)
    elif isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        number = int(value.strip().partition(".")[0])
    if number is None or not low <= number <= high:
        raise InvalidField(name, value, f"{low} to {high}")
    return number


def _word(value: Any) -> str:
    return str(value).strip().lower() if isinstance(value, str | int | float) else ""


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    word = _word(value)
    found = next((one for one in allowed if one.lower() == word), None)
    if found is None:
        raise InvalidField(name, value, " or ".join(allowed))
    return found


def _span(name: str, value: Any, first: int) -> tuple[int, int]:
    """Return the indexes of the first and the last page of a number or a range."""
    if isinstance(value, str) and (match := _SPAN.fullmatch(value)):
        start, end = int(match[1]) - first, int(match[2] or match[1]) - first
    else:
        start = end = whole(name, value, first, MAX_PAGE_NUMBER) - first
    if not 0 <= start <= end < MAX_PAGE_NUMBER:
        raise InvalidField(name, value, ALLOWED)
    return start, end
