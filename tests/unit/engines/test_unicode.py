"""Normal forms of long texts."""

from __future__ import annotations

import unicodedata

import pytest

from ilios.engines import unicode


@pytest.mark.parametrize(
    "text", ["plain", "e\u0301 ﬁ ① " * 900, "Ｆｕｌｌ" * 400, "ä" * 5_000, "漢字か\u3099" * 700]
)
def test_a_long_text_has_the_normal_form_that_a_short_one_has(text: str) -> None:
    assert unicode.normalized("NFKC", text) == unicodedata.normalize("NFKC", text)


def test_marks_without_end_upon_one_letter_are_normalised_in_pieces() -> None:
    text = "x" + "\u0301\u0327" * 3_000

    assert len(unicode.normalized("NFC", text)) <= len(text)
