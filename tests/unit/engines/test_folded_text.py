"""Folded text: each of its characters has a place in the text that it comes from."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ilios.engines import folded_text
from ilios.engines.folded_text import FoldedText, folded

texts = st.text(st.sampled_from("aÄﬁ²ß ½한e\u0301 *[](&;<b>\n1") | st.characters(), max_size=300)


@given(texts)
def test_pieces_give_what_the_whole_gives(text: str) -> None:
    page = FoldedText(text)

    assert page.find(folded(text)) == 0
    assert len(page) == len(folded(text))


@given(texts)
def test_each_folded_character_has_its_place(text: str) -> None:
    page = FoldedText(text)

    for number in range(len(page)):
        place = page.place(number)
        assert page.folded_place(place) <= number < page.folded_place(place + 1)


@given(st.text(max_size=50))
def test_composed_and_decomposed_letters_are_equal(text: str) -> None:
    plain = text.replace("<", "").replace("&", "").replace("]", "")

    assert folded(unicodedata.normalize("NFD", plain)) == folded(
        unicodedata.normalize("NFC", plain)
    )


def test_words_are_told_from_parts_of_words() -> None:
    page = FoldedText("a cat, catalogue")

    assert page.is_word(2, 5)
    assert not page.is_word(7, 10)


def test_few_of_all_characters_are_remembered() -> None:
    everything = "".join(map(chr, range(0x30000)))

    folded(everything)

    assert len(folded_text._FOLDS) <= folded_text.FOLDS_MAX_COUNT
