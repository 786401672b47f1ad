"""Markdown taken apart: what is a block, what is a link, what readers see."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ilios.engines.markdown_structure import bare, blocks, folded, links
from ilios.engines.page_structure import Link
from tests.unit.engines.embedded.linear.growth import SIGNS
from tests.unit.engines.embedded.linear.test_linear import is_linear, processor_time

MARKS = [
    "# ",
    "\n",
    "\n\n",
    "- ",
    "1. ",
    "    ",
    "| a | b |",
    "\n| --- | --- |\n",
    "```",
    "$$",
    "~~~",
]
MARKS += [
    "![x](i.png)",
    "<table>",
    "</table>",
    "> ",
    "[^1]: ",
    "---",
    "===",
    "\t",
    "* * *",
    " ",
    "a",
]
markdown = st.lists(st.sampled_from(MARKS) | st.text(max_size=3), max_size=30).map("".join)


def found(text: str) -> list[tuple[str, str]]:
    return [(block.type, text[block.start : block.end]) for block in blocks(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A *b* #\ntext", [("title", "# A *b* #"), ("text", "text")]),
        ("#hash\n#", [("text", "#hash"), ("title", "#")]),
        ("Head\n===\n\nSub\n---\n", [("title", "Head\n==="), ("title", "Sub\n---")]),
        ("one  \ntwo\n\n  three \n", [("text", "one  \ntwo"), ("text", "three")]),
        (
            "- a\n    - b\n\n    more\n- c\n\nend",
            [("list", "- a\n    - b\n\n    more\n- c"), ("text", "end")],
        ),
        ("a\n2. b\n1. c", [("text", "a\n2. b"), ("list", "1. c")]),
        ("- a\n# b", [("list", "- a"), ("title", "# b")]),
        ("- a\n---\n* * *", [("list", "- a"), ("text", "---"), ("text", "* * *")]),
        ("|a|\n|-|\n|1|\nx", [("table", "|a|\n|-|\n|1|"), ("text", "x")]),
        ("a | b\n--- | ---\n1 | 2", [("table", "a | b\n--- | ---\n1 | 2")]),
        ("|a|\n|b|", [("text", "|a|\n|b|")]),
        (
            "![](i.png) ![b](j.png)\nFig",
            [("image", "![](i.png)"), ("image", "![b](j.png)"), ("text", "Fig")],
        ),
        ("see ![](i.png)", [("text", "see ![](i.png)")]),
        ("x\n$$\na\n$$\ny", [("text", "x"), ("equation", "$$\na\n$$"), ("text", "y")]),
        ("$$a$$ is one", [("text", "$$a$$ is one")]),
        ("```\n# a\n\n```\nb", [("code", "```\n# a\n\n```"), ("text", "b")]),
        ("~~~\n```\n~~~~", [("code", "~~~\n```\n~~~~")]),
        ("```\nopen\n\n", [("code", "```\nopen")]),
        ("    code\n\n    more\ntext", [("code", "    code\n\n    more"), ("text", "text")]),
        ("    - deep", [("list", "    - deep")]),
        ("> a\nb\n\n> c", [("text", "> a\nb"), ("text", "> c")]),
        (
            "[^1]: a\n[^2]: b\n\n    c\n\nd",
            [("references", "[^1]: a\n[^2]: b\n\n    c"), ("text", "d")],
        ),
        (
            "<table>\n\n<TABLE></TABLE>\n</table> x",
            [("table", "<table>\n\n<TABLE></TABLE>\n</table>"), ("text", "x")],
        ),
        ("<table>a\n\nb", [("text", "<table>a"), ("text", "b")]),
        ("---\ntitle: x\n---\ny", [("code", "---\ntitle: x\n---"), ("text", "y")]),
        ("a\u00a0\n\u2003\nb", [("text", "a"), ("text", "b")]),
        ("", []),
    ],
)
def test_blocks_are_told_by_their_first_signs(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


def test_titles_have_a_level_and_images_a_name() -> None:
    text = "### A\n\nB\n---\n\n![a b](page-1-image-2.png)\n\n![](http://x/y.png)"

    assert [(block.level, block.image_name) for block in blocks(text)] == [
        (3, None),
        (2, None),
        (None, "page-1-image-2.png"),
        (None, None),
    ]


@given(markdown)
@example("    - \n \n```")
def test_only_white_space_stands_between_blocks(text: str) -> None:
    place = 0
    for block in blocks(text):
        assert block.start < block.end
        assert not text[place : block.start].strip()
        assert text[block.start : block.end].strip()
        place = block.end
    assert not text[place:].strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a *b*](http://x/y) and [c](<u v> 't')", [Link("a b", "http://x/y"), Link("c", "u v")]),
        ('[a](x_(y)_z "t")', [Link("a", "x_(y)_z")]),
        ("[a\\]b](x&amp;y\\_)", [Link("a]b", "x&y_")]),
        ("[![alt](i.png)](http://x)", [Link("alt", "http://x")]),
        ("[a [b](x) c](y)", [Link("b", "x")]),
        (
            "<https://x.y/z> <a@b.c>",
            [Link("https://x.y/z", "https://x.y/z"), Link("a@b.c", "a@b.c")],
        ),
        ("| a | b |\n| - | - |\n| [c](d) | |", [Link("c", "d")]),
        ("[](x)", [Link(None, "x")]),
        (
            "<table>\n[a](b) [c](d)\n[e](f)</table>",
            [Link("a", "b"), Link("c", "d"), Link("e", "f")],
        ),
        ("`[a](b)` \\[a](b) [a]\\(b) ![a](b) [a](b", []),
        ("```\n[a](b)\n```\n\n$$[a](b)$$", []),
        ("[a]()", []),
    ],
)
def test_links_have_the_text_that_is_shown(text: str, expected: list[Link]) -> None:
    assert list(links(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## A **b** _c_ ~~d~~ #", "A b c d"),
        ("a \\* b\\_c 2 * 3 snake_case", "a * b_c 2 * 3 snake_case"),
        ("- a\n    - b", "a\nb"),
        ("1. a", "1. a"),
        ("> a\n> b", "a\nb"),
        ("| a | b\\|c |\n| --- | :-: |\n| *1* | |", "a b|c\n1"),
        ("[a](b) [c] [^1]", "a [c] [1]"),
        ("x ![a b](i.png) ![i.png](i.png)", "x a b"),
        ("H<sub>2</sub>O a<br>b <!-- c -->", "H2O a b"),
        ("&lt;p&gt; &amp; &unknown;", "<p> & &unknown;"),
        ("`a*b*` ``c`d``", "a*b* c`d"),
        ("```py\n*x*\n```", "*x*"),
        ("$$\nx\n$$", "x"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("***\n\n---", ""),
    ],
)
def test_bare_text_is_what_readers_see(text: str, expected: str) -> None:
    assert bare(text) == expected


def test_folded_text_has_letters_and_digits_only() -> None:
    text = "# Ä**ﬁ**x-1 [µ](http://x) &amp; <b>ÉSS</b> ß \\<i> \\](q)"

    assert folded(text) == "afix1μessssiq"


@pytest.mark.parametrize(
    "sign",
    [
        *SIGNS,
        " ",
        "\n",
        "a\n",
        "- a\n",
        "> a\n",
        "|a\n",
        "|a|\n|-|\n",
        "```\n",
        "``a` ",
        "$$a\n",
        "[^1]: a\n",
        "<table>",
        "<table>\n\n",
        "</table>",
        "![a](b) ",
        "![a](b)\n",
        "[a](b\n",
        "[[a](b)",
        "![a](b (c) ",
        "[a](<b",
        "[a](b 'c",
        "1.\n",
        "\n \n",
        "<!-- ",
        "a | b\n",
        "-- | --\n",
        "---\na:\n",
    ],
)
def test_time_is_in_proportion_to_the_text(sign: str) -> None:
    def seconds(size: int) -> float:
        text = f"x{sign * (size // len(sign))}x"
        with processor_time() as taken:
            list(blocks(text))
            list(links(text))
            bare(text)
            folded(text)
        return taken[0]

    assert is_linear(seconds, 10_000)
