"""The JSON of an answer, read as leniently as can be: it is paid for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from ilios.core.conversion_errors import DocumentTooLarge, OutcomeUnknown
from ilios.core.expressions import possessive
from ilios.core.telemetry import logs
from ilios.engines.mistral.answer_limits import ANSWER_MAX_BYTES, ANSWER_MAX_VALUES, MIB

log = logs.get(__name__)

DIGITS_MAX: Final = 18  #: of a whole number; Python refuses some that are very long


class TooManyValues(ValueError):
    """JSON with more values than an answer may have."""


def _whole(digits: str) -> int:
    """Return a number that is too long for anything as another that is: its first digits."""
    return int(digits[:DIGITS_MAX])


_STRING: Final = r'"(?:[^"\\]++|\\.)*+"'
_FLAT: Final = possessive(rf'[^\[\]"]++|{_STRING}')
_DETAILS: Final = re.compile(
    rf'"(?P<name>blocks|word_confidence_scores)"\s*+:\s*+\[{_FLAT}\]|{_STRING}',
    re.DOTALL,
)
"""Lists of blocks and of scores, and every other string, so that none is found inside of one."""
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


def is_without_details(page: dict[str, Any]) -> bool:
    """Return whether blocks or scores of a page were not read, as the answer has too many."""
    scores = page.get("confidence_scores")
    words = scores.get("word_confidence_scores") if isinstance(scores, dict) else None
    return page.get("blocks") is False or words is False


def _text(answer: bytes) -> str:
    """Return the JSON as text, without its details if it has more values than are read.

    Raises TooManyValues if it has them without details too: they would fill the memory.
    """
    text = answer.decode(json.detect_encoding(answer), errors="replace").lstrip(_BLANKS)
    if _signs(text) <= ANSWER_MAX_VALUES or (values := _values(text)) <= ANSWER_MAX_VALUES:
        return text
    log.warning("answer.details_left_out", values=values)
    text = _DETAILS.sub(_left_out, text)
    if (values := _values(text)) > ANSWER_MAX_VALUES:
        raise TooManyValues(f"it has {values:,} values, and {ANSWER_MAX_VALUES:,} are read")
    return text


def _left_out(match: re.Match[str]) -> str:
    """Return a string as it is, and in place of a list what `is_without_details` looks for."""
    return f'"{match["name"]}":false' if match["name"] else match[0]


def _signs(text: str) -> int:
    """Count the signs before values; those in strings too."""
    return text.count(",") + text.count("[") + text.count("{")


def _values(text: str) -> int:
    """Count the strings, keys among them, or else, if they are not too many, all values."""
    without_escapes = text.replace("\\\\", "").replace('\\"', "")
    strings = without_escapes.count('"') // 2
    if strings > ANSWER_MAX_VALUES:
        return strings
    return sum(_signs(piece) for piece in without_escapes.split('"')[::2])


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
