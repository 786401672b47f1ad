"""Blocks of pages, each shown by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ilios.api.responses import page_blocks
from ilios.api.responses.page_blocks import PageBlock
from ilios.db.database import Database
from ilios.documents import result_pages
from ilios.engines.base import Page
from ilios.engines.json_pieces import Text
from tests.support import structured

Read = Callable[[Page], list[PageBlock]]
ROWS = 2_000


@pytest.fixture
def read(database: Database) -> Read:
    def blocks(page: Page) -> list[PageBlock]:
        document_id = structured.add_result(database, [page])
        (found,) = result_pages.structured(database, document_id, [0], with_blocks=True)
        return list(page_blocks.blocks_of(found))

    return blocks


def whole(value: str | Text) -> str:
    return value if isinstance(value, str) else "".join(value.pieces)


def test_a_page_has_blocks_with_their_boxes(read: Read) -> None:
    found = read(structured.page(0))

    assert [block.type for block in found] == ["title", "text", "table", "image"]
    assert found[0].level == 1
    assert [block.box for block in found] == [
        (72, 60, 180.5, 78),
        (72, 90, 300.5, 102),
        None,
        (72, 200, 300, 400),
    ]
    assert found[3].image_name == "page-1-image-1.png"
    assert [block.plain() for block in found] == [
        "Herons 1",
        "They stand in shallow water and wait.",
        "bird legs\nheron 2",
        "heron",
    ]


def test_a_page_without_layout_has_blocks_without_boxes(read: Read) -> None:
    (title, text) = read(structured.plain_page(0, "## Two *words*\n\nMore."))

    assert (title.plain(), title.level, title.box) == ("Two words", 2, None)
    assert (text.plain(), text.beginning(3)) == ("More.", "Mor")


@pytest.mark.parametrize(
    ("markdown", "items"),
    [
        ("- one\n- two *and*\n  more\n\n- three", ["one", "two and\nmore", "three"]),
        ("1. one\n2. two\n   - below", ["1. one", "2. two", "below"]),
        ("- ", []),
    ],
)
def test_a_list_has_items(read: Read, markdown: str, items: list[str]) -> None:
    (found,) = read(structured.plain_page(0, markdown))

    assert list(found.items()) == items


def test_a_long_list_has_each_item_once(read: Read) -> None:
    items = [f"item {number} is told of" for number in range(ROWS)]

    found = read(structured.plain_page(0, "\n".join(f"- {item}" for item in items)))

    assert {block.type for block in found} == {"list"}
    assert [item for block in found for item in block.items()] == items


def table(row: str) -> list[str]:
    return [row % (number, number) for number in range(ROWS)]


@pytest.mark.parametrize(
    "markdown",
    [
        "| a | b |\n|---|---|\n" + "\n".join(table("| left %d | right %d |")),
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>\n"
        + "\n".join(table("<tr><td>left %d</td><td>right %d</td></tr>"))
        + "</tbody></table>",
    ],
    ids=["markdown", "html"],
)
def test_a_long_table_is_one_block(read: Read, markdown: str) -> None:
    first, found, last = read(structured.plain_page(0, f"Before.\n\n{markdown}\n\nBehind."))

    assert (first.plain(), last.plain()) == ("Before.", "Behind.")
    assert whole(found.plain()).split() == ["a", "b", *" ".join(table("left %d right %d")).split()]
    html = whole(found.html())
    assert html.count("<table>") == html.count("</table>") == 1
    assert html.count("<tr>") == ROWS + 1
    assert html.count("<th>a</th>") == 1


@pytest.mark.parametrize(
    ("before", "line", "behind"),
    [("", "Words and more words, number %d and %d. ", ""), ("```\n", "x = %d + %d\n", "```\n")],
    ids=["text", "code"],
)
def test_long_blocks_beside_one_another_stay_apart(
    read: Read, before: str, line: str, behind: str
) -> None:
    block = before + "".join(table(line)) + behind

    found = read(structured.plain_page(0, f"{block}\n\n{block}"))

    expected = " ".join("".join(table(line)).split())
    assert [" ".join(whole(one.plain()).split()) for one in found] == [expected] * 2


def test_a_block_may_be_shown_twice(read: Read) -> None:
    (found,) = read(structured.plain_page(0, "words " * 10_000))
    shown: list[Any] = [whole(found.plain()) for _ in range(2)]

    assert shown[0] == shown[1]
    assert shown[0].split() == ["words"] * 10_000
