"""What the index is asked for: no word of a search has a meaning of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.db.driver import sqlite
from ilios.documents import search, unspaced
from ilios.documents.search import WORDS_MAX


@pytest.mark.parametrize(
    ("q", "wanted"),
    [
        ("heron", '"heron"'),
        ("grey  heron", '"grey" "heron"'),
        ('say "no"', '"say" "no"'),
        ("a AND b*", '"a" "AND" "b"'),
        ("foo-bar", '"foo bar"'),
        ("e\u0301cole a a", '"e\u0301cole" "a"'),
        ("猫", '"猫" *'),
        ("猫の本", '"猫の の本"'),
        ("abc猫の", '"abc" "猫の"'),
        ("* - (", None),
        ("", None),
    ],
)
def test_words_are_quoted(q: str, wanted: str | None) -> None:
    assert search.expression(q) == wanted


def test_only_so_many_words_are_looked_for() -> None:
    words = [f"w{number}" for number in range(100)]

    for q in (" ".join(words), "-".join(words)):
        wanted = search.expression(q)
        assert wanted is not None
        assert wanted.replace('"', "").split() == words[:WORDS_MAX]


@pytest.mark.parametrize(
    ("text", "indexed"),
    [
        ("heron", None),
        ("Straße", None),
        ("한국어", None),
        ("猫", "  猫 "),
        ("a猫の本b", "a 猫の の本 本 b"),
    ],
)
def test_texts_without_spaces_are_indexed_as_pairs(text: str, indexed: str | None) -> None:
    assert unspaced.terms(text) == indexed


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60))
def test_any_search_is_one_that_the_index_understands(q: str) -> None:
    wanted = search.expression(q)
    if wanted is None:
        return
    connection = sqlite.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(owner, text)")
        connection.execute("INSERT INTO words VALUES ('me', ?)", (unspaced.terms(q) or q,))
        expression = f'owner : "me" AND text : ({wanted})'
        connection.execute("SELECT * FROM words WHERE words MATCH ?", (expression,)).fetchall()
    finally:
        connection.close()
