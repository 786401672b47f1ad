"""A release of the chart before can be upgraded with the values that it was installed with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.helm.chart import FOLDER, rendered
from tests.helm.upgrades import fixed

RELEASED: dict[str, Any] = json.loads((FOLDER / "released.json").read_text())["sets"]


@pytest.mark.parametrize("name", sorted(RELEASED))
def test_values_of_before_are_taken_and_fields_that_are_fixed_stay(name: str) -> None:
    before = RELEASED[name]

    now = fixed(rendered(before["values"]))

    assert {key: now.get(key) for key in before["fixed"]} == before["fixed"]


def test_a_field_that_changes_is_noticed() -> None:
    before = RELEASED["minimal"]

    now = fixed(rendered(before["values"], {"nameOverride": "other"}))

    assert {key: now.get(key) for key in before["fixed"]} != before["fixed"]
