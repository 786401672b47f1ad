"""Cursors of lists: where the next page begins, bound to the filters that they were made for."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from ilios.core.ids import is_id
from ilios.core.request_errors import InvalidCursor

_PAGE: Final = re.compile(r"[1-9][0-9]{0,17}")


class NamePlace(NamedTuple):
    """Behind a document, among those that are listed the newest first."""

    moment: datetime  #: of its submission
    document_id: str


class TextPlace(NamedTuple):
    """Behind a document, among those that are listed for the words of their pages.

    Ranks change with all that is stored, so that those of the first page hold for all.
    """

    upto: int  #: what was indexed later is left out
    result: int  #: the number of its newest page that has the words, in the index
    moment: datetime  #: of the document's submission
    document_id: str
    best: tuple[int, ...]  #: the results that come first, in their order


Place = NamePlace | TextPlace


def write(place: Place, mark: str) -> str:
    """Return the cursor; `mark` is a digest of the filters."""
    values = json.dumps([*place, mark], default=datetime.isoformat, separators=(",", ":"))
    return base64.urlsafe_b64encode(values.encode()).decode().rstrip("=")


def read(cursor: str, mark: str) -> Place:
    """Return the place of a cursor. Raises InvalidCursor."""
    found = _read(cursor)
    if found is None:
        raise _never_given_out()
    place, written = found
    if written != mark:
        raise InvalidCursor(
            "cursor belongs to a list with other filters. Send the same status, batchId and q as "
            "before, or leave it out to begin anew."
        )
    return place


def read_page(cursor: str) -> int:
    """Return the number of a page that a list of pages goes on with. Raises InvalidCursor."""
    if _PAGE.fullmatch(cursor) is None:
        raise _never_given_out()
    return int(cursor)


def _never_given_out() -> InvalidCursor:
    return InvalidCursor(
        "cursor is none that was given out. Take `nextCursor` of the last answer as it is, "
        "or leave it out to begin anew."
    )


def _read(cursor: str) -> tuple[Place, object] | None:
    """Return place and mark of a cursor; None for one that we have not written."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        *values, mark = json.loads(text)
        return _place(values), mark
    except (ValueError, TypeError, RecursionError):
        return None


def _place(values: list[Any]) -> Place:
    """Raise ValueError or TypeError for values that are not those of a place."""
    if len(values) == len(NamePlace._fields):
        return NamePlace(*_document(*values))
    upto, result, moment, document_id, best = values
    if not all(type(value) is int and 0 <= value < 2**63 for value in (upto, result, *best)):
        raise ValueError(values)
    return TextPlace(upto, result, *_document(moment, document_id), tuple(best))


def _document(moment: str, document_id: str) -> tuple[datetime, str]:
    submitted = datetime.fromisoformat(moment)
    if submitted.utcoffset() != timedelta(0) or not is_id(document_id):
        raise ValueError(moment, document_id)
    return submitted, document_id
