"""The budget of bytes inside requests."""

from __future__ import annotations

import pytest

from ilios.engines.mistral.inline_bytes import INLINE_SOURCE_MAX_BYTES, InlineBytes


def test_a_large_document_is_not_sent_inline() -> None:
    inline = InlineBytes(budget=10 * INLINE_SOURCE_MAX_BYTES)

    with (
        inline.taken(INLINE_SOURCE_MAX_BYTES) as fits,
        inline.taken(INLINE_SOURCE_MAX_BYTES + 1) as is_too_large,
    ):
        assert (fits, is_too_large) == (True, False)


def test_the_budget_is_released_after_the_calls() -> None:
    inline = InlineBytes(budget=100)

    with inline.taken(60) as first, inline.taken(41) as second, inline.taken(40) as third:
        assert (first, second, third) == (True, False, True)

    with inline.taken(100) as all_of_it:
        assert all_of_it


def test_the_budget_is_released_after_a_failed_call() -> None:
    inline = InlineBytes(budget=100)

    with pytest.raises(ValueError), inline.taken(100):
        raise ValueError

    with inline.taken(100) as is_inline:
        assert is_inline
