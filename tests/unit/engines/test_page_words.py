"""Words of a page: some of them in each text."""

from __future__ import annotations

import pytest

from ilios.engines import page_words
from ilios.engines.page_structure import Word
from ilios.engines.page_words import Words, decode

WORDS = [Word("héron", 0.5, (1, 2, 3.5, 4)), Word("waits", None, None), Word("", 1.0, None)] * 20


@pytest.mark.parametrize("at_most", [1, 100, 100_000])
def test_words_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch, at_most: int) -> None:
    monkeypatch.setattr(page_words, "TEXT_MAX_CHARACTERS", at_most)

    words = Words.of(iter(WORDS))

    assert [word for text in words.texts for word in decode(text)] == WORDS
    assert len(words.texts) == {1: 60, 100: len(words.texts), 100_000: 1}[at_most]
    assert at_most == 1 or max(map(len, words.texts)) <= at_most + len("[]")


def test_a_page_without_words_has_no_text() -> None:
    assert Words.of([]).texts == ()
