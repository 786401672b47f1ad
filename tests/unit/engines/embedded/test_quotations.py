"""Quotations below a page."""

from __future__ import annotations

from ilios.engines.embedded.quotations import quoted


def test_every_line_of_every_text_is_quoted() -> None:
    assert quoted("Notes", ["Ask twice.\nThen go.", "Late"]) == (
        "> Notes:\n>\n> Ask twice.\n> Then go.\n>\n> Late"
    )


def test_without_texts_there_is_no_title() -> None:
    assert quoted("Notes", []) == ""
