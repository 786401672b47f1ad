"""JSON that comes in pieces is the JSON of the whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ilios.engines.json_pieces import WRITTEN_AT_ONCE, Fields, Text, Written, written


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": [1, None, "ü"]}, {"a": [1, None, "ü"]}),
        (Fields({}), {}),
        (iter(()), []),
        (Text([]), ""),
        (Text(['"a', "\\b", "\n🐦"]), '"a\\b\n🐦'),
        (Written('{"x": 1.50}'), {"x": 1.5}),
        (iter([Fields({"t": Text("ab")}), 2, iter([3])]), [{"t": "ab"}, 2, [3]]),
        (Fields({'"k"': iter([None]), "f": Fields({"g": Written("[]")})}),
         {'"k"': [None], "f": {"g": []}}),
    ],
)  # fmt: skip
def test_values_are_written_as_json(value: Any, plain: Any) -> None:
    assert json.loads("".join(written(value))) == plain


def test_little_is_held_and_little_ones_go_together() -> None:
    pieces = [len(piece) for piece in written(iter(["x" * 100] * 10_000))]

    assert all(WRITTEN_AT_ONCE <= size < WRITTEN_AT_ONCE + 200 for size in pieces[:-1])
    assert sum(pieces) == 10_000 * 104
