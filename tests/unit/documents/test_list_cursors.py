"""Cursors come back as they were given out, and belong to one list."""

from __future__ import annotations

import base64
import json

import pytest

from ilios.api.server.parse_errors import REQUEST_LINE_MAX_BYTES
from ilios.core import clock, ids
from ilios.core.request_errors import InvalidCursor
from ilios.documents import list_cursors
from ilios.documents.list_cursors import NamePlace, Place, TextPlace
from ilios.documents.listing import RANKED_MAX

NAMED = NamePlace(clock.now(), ids.new_id())
IN_TEXT = TextPlace(2**40, 3, clock.now(), ids.new_id(), (7, 3, 2**40))
MOMENT, DOCUMENT = clock.now().isoformat(), ids.new_id()


@pytest.mark.parametrize("place", [NAMED, IN_TEXT, IN_TEXT._replace(best=())])
def test_a_place_comes_back(place: Place) -> None:
    assert list_cursors.read(list_cursors.write(place, "mark"), "mark") == place


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, "mark"],
        [1, 2, 3, "mark"],
        [-1, 0, MOMENT, DOCUMENT, [], "mark"],
        [0, 2**63, MOMENT, DOCUMENT, [], "mark"],
        [0, True, MOMENT, DOCUMENT, [], "mark"],
        [0, 0, MOMENT, DOCUMENT, [1.5], "mark"],
        [0, 0, MOMENT, DOCUMENT, 1, "mark"],
        [0, 0, MOMENT, DOCUMENT, ["1"], "mark"],
        [0, 0, "2026-01-01", DOCUMENT, [], "mark"],
        [0, 0, MOMENT, "../..", [], "mark"],
        [0, 0, 1, DOCUMENT, [], "mark"],
        ["2026-01-01", ids.new_id(), "mark"],
        ["mark"],
        [],
        {},
        7,
    ],
)
def test_what_was_not_given_out_is_refused(values: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()

    with pytest.raises(InvalidCursor, match="none that was given out"):
        list_cursors.read(cursor, "mark")


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidCursor, match="other filters"):
        list_cursors.read(list_cursors.write(IN_TEXT, "mark"), "other")


def test_a_cursor_leaves_room_in_the_request_line() -> None:
    place = IN_TEXT._replace(best=(10**9,) * RANKED_MAX)

    assert len(list_cursors.write(place, "0" * 16)) < REQUEST_LINE_MAX_BYTES / 4
