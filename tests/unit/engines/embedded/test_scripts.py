"""Raised and lowered text."""

from __future__ import annotations

from ilios.engines.embedded import scripts


def test_text_is_raised_and_lowered_in_unicode_or_in_tags() -> None:
    assert scripts.raised(" -12 ") == " ⁻¹² "
    assert scripts.lowered("2") == "₂"
    assert scripts.tagged(scripts.raised("th")) == "<sup>th</sup>"
    assert scripts.tagged(scripts.lowered("max")) == "<sub>max</sub>"
