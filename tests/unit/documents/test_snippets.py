"""Snippets: plain text around the words of a search, and where the words stand in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.documents import snippets
from ilios.documents.snippets import AROUND_CHARACTERS, RANGES_MAX


def words_of(text: str, q: str) -> list[str]:
    """Return what the ranges of a snippet show."""
    match = snippets.match(1, text, q)
    return [match.snippet[start:end] for start, end in match.ranges]


@pytest.mark.parametrize(
    ("text", "q", "shown"),
    [
        ("A Heron and HERONS.", "heron", ["Heron"]),
        ("Straße nach Zürich", "zurich STRASSE straße", ["Straße", "Zürich"]),
        ("Cafe\u0301 noir", "café", ["Cafe\u0301"]),
        ("foo-bar, foo_bar", "foo-bar", ["foo", "bar", "foo", "bar"]),
        ("吾輩は猫である", "猫で", ["猫で"]),
        ("abc猫の本", "abc猫", ["abc", "猫"]),
        ("under_score", "score", ["score"]),
        ("nothing", "heron", []),
        ("aa a aaa", "a aa", ["aa", "a"]),
        ("猫abc abc猫 abcд дabc", "abc", ["abc", "abc"]),
        ("heron\u0301x heron\u0301", "heron", ["heron\u0301"]),
        ("9heron heron9 heron_9", "heron", ["heron"]),
        ("a (b) [c]*", "(b) *", ["b"]),
    ],
)
def test_ranges_show_the_words(text: str, q: str, shown: list[str]) -> None:
    assert words_of(text, q) == shown


def test_the_text_is_what_readers_see() -> None:
    match = snippets.match(
        3, "# Birds\n\nA **grey** [heron](https://example.org) ![x](y.png)\n\n| a | b |\n", "heron"
    )

    assert match.page == 3
    assert match.snippet.startswith("Birds A grey heron")
    assert [match.snippet[a:b] for a, b in match.ranges] == ["heron"]


def test_a_snippet_is_cut_around_the_first_word_where_words_end() -> None:
    text = "word " * 1_000 + "heron " + "more " * 1_000

    match = snippets.match(1, text, "heron")

    assert len(match.snippet) <= 2 * AROUND_CHARACTERS + len("heron")
    assert set(match.snippet.split()) == {"word", "heron", "more"}


def test_a_long_word_is_cut() -> None:
    match = snippets.match(1, "x" * 5_000 + " heron " + "y" * 5_000, "heron")

    assert len(match.snippet) <= 2 * AROUND_CHARACTERS + len("heron")
    assert len(match.ranges) == 1


def test_a_page_without_the_words_shows_its_beginning() -> None:
    assert snippets.match(1, "first " + "more " * 1_000, "heron").snippet.startswith("first more")


def test_the_words_are_looked_for_only_so_far() -> None:
    text = "first " + "more " * 1_000 + "heron"

    assert snippets.match(1, text, "heron", within=len(text)).ranges
    for within in (len(text) - len("heron"), 0, -1):
        match = snippets.match(1, text, "heron", within=within)
        assert match.snippet.startswith("first more")
        assert not match.ranges
    assert snippets.match(1, text, "first", within=0).ranges == [(0, 5)]


def test_letters_within_words_are_not_looked_at_one_by_one() -> None:
    assert snippets._pattern("a").search("a" * 60_000) is None


def test_the_ranges_of_a_snippet_are_bounded() -> None:
    assert len(snippets.match(1, "a " * 300, "a").ranges) <= RANGES_MAX


@given(st.text(), st.text())
def test_ranges_lie_in_the_snippet_whatever_is_searched(text: str, q: str) -> None:
    match = snippets.match(1, text, q)

    place = 0
    for start, end in match.ranges:
        assert place <= start < end <= len(match.snippet)
        place = end
    assert len(snippets.folded(text)) == len(text)
