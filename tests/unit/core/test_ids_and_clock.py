"""Ids and the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ilios.core import clock, ids


def test_ids_have_the_shape_of_the_contract_and_do_not_repeat() -> None:
    drawn = {ids.new_id() for _ in range(1000)}

    assert len(drawn) == 1000
    assert all(ids.is_id(drawn_id) and len(drawn_id) == 24 for drawn_id in drawn)


@pytest.mark.parametrize("text", ["", "a" * 19, "a" * 31, "A" * 24, "../" * 8, "a" * 23 + "\n"])
def test_other_shapes_are_no_ids(text: str) -> None:
    assert not ids.is_id(text)


def test_times_are_written_with_milliseconds_and_z() -> None:
    moment = datetime(2026, 11, 23, 16, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))

    assert clock.iso(moment) == "2026-11-23T15:00:00.999Z"


def test_the_clock_is_aware() -> None:
    assert clock.now().tzinfo is UTC


def test_milliseconds_are_read_as_they_were_written() -> None:
    moment = datetime(2026, 11, 23, 16, 0, 0, 999_000, tzinfo=UTC)

    assert clock.of_milliseconds(str(clock.milliseconds(moment))) == moment


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1" * 15, "٣", "5d1c7f0b9a3e2468"])
def test_what_is_no_number_of_milliseconds_is_no_moment(text: str) -> None:
    assert clock.of_milliseconds(text) is None


def test_any_number_of_milliseconds_is_a_moment() -> None:
    assert clock.of_milliseconds("0") == datetime(1970, 1, 1, tzinfo=UTC)
    assert clock.of_milliseconds("9" * 14) is not None
