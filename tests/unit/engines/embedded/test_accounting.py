"""Counting which words of a source its Markdown lacks."""

from __future__ import annotations

from collections import Counter

import pytest
from lxml import etree

from ilios.engines.embedded import accounting


@pytest.mark.parametrize(
    ("source", "markdown", "lost"),
    [
        ("Total due 900 EUR", "**Total** due 900 EUR", 0),
        ("Total due 900 EUR", "Total", 3),
        ("unbelievable", "un**believ**able", 0),
        ("10 6 metres", "10⁶ metres", 2),
        ("106 metres", "10⁶ metres", 0),
        ("peer to peer", "peer to", 1),
        ("snake_case", "snake\\_case", 0),
        ("4*5 and 1_2", "4\\*5 and **1\\_2**", 0),
        ("R&D", "R&amp;D", 0),
        ("co operation", "cooperation", 1),
        ("", "anything", 0),
    ],
)
def test_missing_words_are_counted(source: str, markdown: str, lost: int) -> None:
    assert accounting.missing(accounting.words(source), markdown) == lost


def test_only_a_notable_share_is_told() -> None:
    assert not accounting.is_notable(2, 10)
    assert accounting.is_notable(3, 100)
    assert not accounting.is_notable(3, 1000)


def test_signs_of_the_source_part_words_in_the_markdown_too() -> None:
    assert accounting.missing(accounting.words("5*8 7*3 4*6"), "5\\*8 7\\*3 4\\*6") == 0


def test_code_may_hold_what_elsewhere_is_markup() -> None:
    code = "a**b c**d H<sub>2</sub>O"

    assert accounting.missing(accounting.words(code), f"```\n{code}\n```") == 0
    assert accounting.missing(accounting.words("e f g"), "`a**b`") == 3


@pytest.mark.parametrize(
    ("roughly", "exactly", "markdown", "expected"),
    [
        ("one two three four", "", "# **one** two\n\n- three four", (0, 0)),
        ("one two secret secret secret", "one two", "one two", (0, 2)),
        ("one two three four five", "one two three four five", "one two", (3, 5)),
        (
            "un believ able things and more",
            "unbelievable things",
            "un**believ**able things",
            (0, 2),
        ),
    ],
)
def test_what_is_left_out_on_purpose_is_looked_at_only_where_words_are_missing(
    roughly: str, exactly: str, markdown: str, expected: tuple[int, int]
) -> None:
    assert accounting.lost_words(roughly, lambda: exactly, markdown) == expected


@pytest.mark.parametrize(
    ("source", "markdown", "left"),
    [
        ("In the first place\nand in the second", "# In the first place\nand in the second", ""),
        ("the same words\nthe same words", "the same words\n\nother words", "the same words"),
        ("a common line\nat first", "xat first\n\na common line", "at first"),
        ("words in one line", "words in one lineage", "words in one line"),
    ],
)
def test_lines_that_both_texts_have_are_taken_from_both(
    source: str, markdown: str, left: str
) -> None:
    unseen, unsaid = accounting._without_shared_lines(source, markdown)
    assert unseen.strip() == left
    of_both = Counter(source.split()), Counter(markdown.split())
    rest = Counter(unseen.split()), Counter(unsaid.split())
    assert rest[0] - rest[1] == of_both[0] - of_both[1]
    assert rest[1] - rest[0] == of_both[1] - of_both[0]


def test_the_rough_text_has_all_pieces_of_text_and_no_comments() -> None:
    element = etree.fromstring("<p>One<!-- no --> two<b>three<i/>four</b> five &lt;</p>")
    assert accounting.rough_text(element) == "One\n two\nthree\nfour\n five <"
