"""The items of lists, which come in pieces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ilios.api.dialects.docling.page_items import (
    LIST_DEPTH_MAX,
    LIST_ITEM_MAX_CHARACTERS,
    ListItem,
    list_items,
)
from tests.unit.engines.embedded.linear.test_linear import is_linear, processor_time


def pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("- one\n- two", [ListItem("-", "one"), ListItem("-", "two")]),
        ("* **one** of\n  two\n+ three", [ListItem("-", "one of\ntwo"), ListItem("-", "three")]),
        ("9. nine\n10) ten", [ListItem("9.", "nine"), ListItem("10)", "ten")]),
        ("- one\n  1. within\n- two", [
            ListItem("-", "one"), ListItem("1.", "within", 1), ListItem("-", "two")]),
        ("- a\n      - b\n  - c\n\t- d\n- e", [
            ListItem("-", "a"), ListItem("-", "b", 1), ListItem("-", "c", 1),
            ListItem("-", "d", 2), ListItem("-", "e")]),
        ("-\n- -x-", [ListItem("-", ""), ListItem("-", "-x-")]),
        ("", []),
    ],
)  # fmt: skip
def test_a_list_has_its_items(markdown: str, expected: list[ListItem], size: int) -> None:
    assert list(list_items(pieces(markdown, size))) == expected


def test_lists_are_no_deeper_than_their_bound() -> None:
    deep = "\n".join(f"{' ' * 2 * depth}- x" for depth in range(30))

    depths = [item.depth for item in list_items([deep])]

    assert depths == [*range(LIST_DEPTH_MAX), *[LIST_DEPTH_MAX - 1] * (30 - LIST_DEPTH_MAX)]


def test_a_long_item_becomes_several_and_loses_nothing() -> None:
    text = "word " * LIST_ITEM_MAX_CHARACTERS

    found = list(list_items(pieces(f"- {text}\n- end", 64 * 1024)))

    assert len(found) == 4
    assert all(len(item.text) <= 2 * LIST_ITEM_MAX_CHARACTERS for item in found)
    assert "".join("".join(item.text.split()) for item in found) == text.replace(" ", "") + "end"


@pytest.mark.parametrize("line", ["- a\n", "- ", "x", "  \n", "1. "])
def test_time_is_in_proportion(line: str) -> None:
    def seconds(size: int) -> float:
        with processor_time() as taken:
            for _ in list_items(pieces(line * size, 64 * 1024)):
                pass
        return taken[0]

    assert is_linear(seconds, 2_000)
