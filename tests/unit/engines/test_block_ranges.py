"""Texts of blocks find their ranges in a page's Markdown."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from ilios.engines.block_ranges import matched
from ilios.engines.page_structure import BlockType
from tests.unit.engines.embedded.linear.test_linear import is_linear, processor_time

PAGE = """# Results

The *first* (of 3). "Second" is here & now.

![img-0.jpeg](page-1-image-1.jpeg)

Figure 1: words

| a | b |
| --- | --- |
| 1 | 2 |

$$
=
$$

Last one."""


def shown(found: list[tuple[BlockType, str]], page: str = PAGE) -> list[str | None]:
    return [place and page[slice(*place)] for place in matched(page, found)]


def test_blocks_are_found_by_their_letters() -> None:
    found: list[tuple[BlockType, str]] = [
        ("title", "RESULTS"),
        ("text", "The first (of 3)."),
        ("text", '"Second" is here & now.'),
        ("caption", "Figure 1: words"),
        ("text", "Last one."),
    ]

    assert shown(found) == [
        "# Results",
        "The *first* (of 3).",
        '"Second" is here & now.',
        "Figure 1: words",
        "Last one.",
    ]


def test_what_is_not_found_gets_what_stands_between_its_neighbours() -> None:
    found: list[tuple[BlockType, str]] = [
        ("title", "Results"),
        ("text", "said in other words"),
        ("image", "![](x)"),
        ("caption", "Figure 1: words"),
        ("table", "<table><tr><td>html</td></tr></table>"),
        ("equation", "$$=$$"),
        ("text", "Last one."),
    ]

    assert shown(found)[1:-1] == [
        'The *first* (of 3). "Second" is here & now.',
        "![img-0.jpeg](page-1-image-1.jpeg)",
        "Figure 1: words",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "$$\n=\n$$",
    ]


def test_one_block_gets_all_that_stands_between_its_neighbours() -> None:
    assert (
        shown([("title", "Results"), ("text", "other"), ("text", "Last one.")])[1]
        == (PAGE[11 : PAGE.index("\n\nLast")])
    )


@pytest.mark.parametrize(
    "found",
    [
        [("header", "The journal"), ("title", "Results")],
        [("text", ""), ("title", "Results")],
    ],
    ids=["taken out", "nothing before it"],
)
def test_what_has_no_place_has_no_range(found: list[tuple[BlockType, str]]) -> None:
    assert shown(found)[:-1] == [None] * (len(found) - 1)


def test_of_blocks_out_of_order_most_letters_keep_their_ranges() -> None:
    found: list[tuple[BlockType, str]] = [
        ("text", "Last one."),
        ("title", "Results"),
        ("text", "The first (of 3)."),
        ("text", "Second is here & now."),
    ]

    assert shown(found) == ["Last one.", *shown(found[1:])]
    assert None not in shown(found)


def test_blocks_that_share_what_cannot_be_divided_get_the_same_range() -> None:
    found: list[tuple[BlockType, str]] = [
        ("title", "Results"),
        ("text", "uno"),
        ("footer", "Page 7"),
        ("text", "due"),
        ("caption", "Figure 1: words"),
    ]

    between = PAGE[PAGE.index("The") : PAGE.index("\n\nFigure")]
    assert shown(found, PAGE.replace("![img-0.jpeg](page-1-image-1.jpeg)", "")) == [
        "# Results",
        between.removesuffix("\n\n![img-0.jpeg](page-1-image-1.jpeg)"),
        None,
        between.removesuffix("\n\n![img-0.jpeg](page-1-image-1.jpeg)"),
        "Figure 1: words",
    ]
    three = [("title", "Results"), *[("text", "other")] * 3, ("caption", "Figure 1: words")]
    assert shown(three)[1:-1] == [between] * 3  # type: ignore[arg-type]


@pytest.mark.parametrize("repeated", ["The first (of 3).", "first", "$$"])
def test_a_block_whose_words_are_those_of_others_has_an_empty_range(repeated: str) -> None:
    found: list[tuple[BlockType, str]] = [("text", PAGE), ("text", repeated)]

    assert shown(found) == [PAGE, ""]


def test_short_texts_are_whole_words() -> None:
    assert shown([("text", "3"), ("text", "7")], "The 37 herons of 1973: 3 and 7") == ["3", "7"]


def test_equal_texts_get_one_range_each() -> None:
    page = "\n\n".join(["Total"] * 3)

    assert matched(page, [("text", "Total")] * 3) == [(0, 5), (7, 12), (14, 19)]


def test_ranges_rise_whatever_is_found() -> None:
    words = [f"word{number} (it)." for number in range(60)]
    page = "\n\n".join(" ".join(words[at : at + 3]) for at in range(0, 60, 3))
    picks = random.Random(1)  # noqa: S311  # no secret
    for _ in range(50):
        texts = [" ".join(picks.choices(words, k=2)) for _ in range(20)]
        found = matched(page, [("text", text) for text in texts])
        ranges = sorted({place for place in found if place and place[0] < place[1]})

        assert all(before[1] <= after[0] for before, after in pairwise(ranges))
        assert all(page[start:end].strip() == page[start:end] != "" for start, end in ranges)


@pytest.mark.parametrize("text", ["Paragraph {0} of it.", "absent {0}", "{0}", "x", "***", ""])
def test_time_is_in_proportion_to_the_page(text: str) -> None:
    def seconds(size: int) -> float:
        page = "\n\n".join(f"Paragraph {number} of it." for number in range(size))
        found: list[tuple[BlockType, str]] = [
            ("text", text.format(number)) for number in range(size)
        ]
        with processor_time() as taken:
            matched(page, found)
        return taken[0]

    assert is_linear(seconds, 500)
