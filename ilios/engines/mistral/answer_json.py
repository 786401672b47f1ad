"""The JSON of an answer, read as leniently as can be: it is paid for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from ilios.core.conversion_errors import DocumentTooLarge, OutcomeUnknown
from ilios.engines.mistral.answer_limits import ANSWER_MAX_BYTES, ANSWER_MAX_VALUES, MIB

DIGITS_MAX: Final = 18  #: of a whole number; Python refuses some that are very long


class TooManyValues(ValueError):
    """JSON with more values than an answer may have."""


def _whole(digits: str) -> int:
    """Return a number that is too long for anything as another that is: its first digits."""
    return int(digits[:DIGITS_MAX])


_BLANKS: Final = " \t\r\n\ufeff"
_PAGES: Final = re.compile(r'"pages"\s*:\s*\[\s*')
_GAP: Final = re.compile(r"\s*,\s*")
# Control characters inside of strings are taken, and bytes behind the object are not looked at.
_DECODER: Final = json.JSONDecoder(strict=False, parse_int=_whole)


def fields(answer: bytes) -> dict[str, Any]:
    """Return the fields of an answer, of which `pages` is a list.

    Of an answer that was cut at ANSWER_MAX_BYTES, those pages that came whole. Raises
    DocumentTooLarge when there is none, and OutcomeUnknown for what is no answer.
    """
    try:
        if len(answer) >= ANSWER_MAX_BYTES:
            return {"pages": _require(list(_whole_pages(_text(answer))))}
        found = value(answer)
    except TooManyValues as error:
        raise DocumentTooLarge(f"The answer of Mistral cannot be read: {error}.") from error
    except ValueError as error:
        raise _unreadable("is no JSON") from error
    if not isinstance(found, dict) or not isinstance(found.get("pages"), list):
        raise _unreadable("has no pages")
    return found


def value(answer: bytes) -> Any:
    """Return what stands in JSON; bytes that are no text are replaced. Raises ValueError."""
    try:
        return _DECODER.raw_decode(_text(answer))[0]
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _text(answer: bytes) -> str:
    text = answer.decode(json.detect_encoding(answer), errors="replace").lstrip(_BLANKS)
    if _signs(text) > ANSWER_MAX_VALUES:
        _refuse_endless(text)
    return text


def _signs(text: str) -> int:
    """Count the signs before values; those in strings too."""
    return text.count(",") + text.count("[") + text.count("{")


def _refuse_endless(text: str) -> None:
    """Raise TooManyValues when so many values stand there that they would fill the memory."""
    without_escapes = text.replace("\\\\", "").replace('\\"', "")
    values = without_escapes.count('"') // 2
    if values <= ANSWER_MAX_VALUES:
        outside_of_strings = without_escapes.split('"')[::2]
        values = sum(_signs(piece) for piece in outside_of_strings)
    if values > ANSWER_MAX_VALUES:
        raise TooManyValues(f"it has {values:,} values, and {ANSWER_MAX_VALUES:,} are read")


def _whole_pages(text: str) -> Iterator[Any]:
    """Yield the entries of the list of pages up to where the text was cut."""
    start = _PAGES.search(text)
    place = start.end() if start else len(text)
    while place < len(text):
        try:
            page, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            return
        yield page
        gap = _GAP.match(text, place)
        place = gap.end() if gap else len(text)


def _require(pages: list[Any]) -> list[Any]:
    if not pages:
        raise DocumentTooLarge(
            f"The first page of Mistral's answer has more than {ANSWER_MAX_BYTES // MIB} MiB. "
            "Shrink the document's images, or convert it without them."
        )
    return pages


def _unreadable(why: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"The answer of Mistral {why}, though the call may have been billed.")
