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


@pytest.mark.parametrize("before", ["", "a", "\ud83d", "\0"])
def test_a_long_text_is_made_storable_in_pieces_that_part_no_pair(
    before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unicode, "CHECKED_CHARACTERS", 3)
    text = before + "x\ud83d\ude00y\ud83d\ud83d\ude00\0\ude00\ud83d" * 7

    begun = (
        ""
        if before == "\0"
        else before.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )
    assert unicode.storable(text) == begun + "x😀y\ufffd😀\ufffd\ufffd" * 7
    assert "\0" in unicode.replace_surrogates(text)


def test_what_no_database_stores_is_replaced_by_as_many_characters() -> None:
    assert unicode.replace_invalid("a\0b\ud800\0") == "a\ufffdb\ufffd\ufffd"
