"""Blocks of a page: what is stored of them is what comes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.engines import page_layout, page_text
from ilios.engines.page_layout import Layout, decode
from ilios.engines.page_structure import BLOCK_TYPES, Block, Line

PIECE = page_text.PIECE_MAX_CHARACTERS

tenths = st.integers(-100, 20_000).map(lambda value: value / 10)
boxes = st.tuples(tenths, tenths, tenths, tenths)
scores = st.none() | st.integers(0, 1000).map(lambda value: value / 1000)
texts = st.none() | st.text(max_size=5)
gaps = st.sampled_from([0, 2, PIECE - 3, PIECE])
lengths = st.sampled_from([0, 1, 40, PIECE, 2 * PIECE])


def lines(block: Block) -> st.SearchStrategy[tuple[Line, ...]]:
    """Make lines that rise within a block."""
    places = st.lists(st.integers(block.start, block.end), max_size=5).map(sorted)
    ranges = places.map(lambda found: list(pairwise(found)))
    return ranges.flatmap(
        lambda found: st.tuples(
            *(st.builds(Line, st.just(a), st.just(b), boxes, scores) for a, b in found)
        )
    )


def with_lines(block: Block) -> st.SearchStrategy[Block]:
    return lines(block).map(lambda found: replace(block, lines=found))


def block_at(place: int) -> st.SearchStrategy[Block]:
    """Make a block behind a place."""
    ranges = st.tuples(gaps, lengths).map(lambda both: (place + both[0], place + sum(both)))
    return ranges.flatmap(
        lambda found: st.builds(
            Block,
            st.sampled_from(BLOCK_TYPES),
            st.just(found[0]),
            st.just(found[1]),
            level=st.none() | st.integers(1, 6),
            box=st.none() | boxes,
            confidence=scores,
            table_id=texts,
            image_name=texts,
            text=texts,
        )
    ).flatmap(with_lines)


@st.composite
def pages(draw: st.DrawFn) -> list[Block]:
    """Make blocks that rise, over the edges of pieces too."""
    blocks: list[Block] = []
    for _ in range(draw(st.integers(0, 8))):
        blocks.append(draw(block_at(blocks[-1].end if blocks else 0)))
    return blocks


def decoded(layout: Layout) -> list[Block]:
    return [block for number, text in enumerate(layout.texts) for block in decode(text, number)]


@given(pages())
def test_blocks_come_back_as_they_were(blocks: list[Block]) -> None:
    layout = Layout.of(blocks)

    assert decoded(layout) == blocks
    assert not layout.is_cut


def test_a_block_is_kept_with_the_piece_that_it_begins_in() -> None:
    blocks = [
        Block("title", 0, 10),
        Block("table", 12, 2 * PIECE + 5),
        Block("text", 2 * PIECE + 7, 2 * PIECE + 9),
    ]

    found = list(islice(Layout.of(blocks).pieces(), 4))

    assert [[block.type for block in decode(text, n)] for n, text in enumerate(found)] == [
        ["title", "table"],
        [],
        ["text"],
        [],
    ]


def test_what_stands_behind_the_last_piece_is_kept_with_it() -> None:
    footer = Block("footer", PIECE, PIECE, text="page 3")

    layout = Layout.of([Block("text", 0, PIECE), footer])

    assert len(layout.texts) == 1
    assert decoded(layout)[-1] == footer


def test_a_page_without_blocks_has_none_in_each_of_its_pieces() -> None:
    assert [list(decode(text, 0)) for text in islice(Layout.of([]).pieces(), 3)] == [[], [], []]


def test_boxes_and_scores_are_rounded() -> None:
    block = Block("text", 0, 1, box=(1.04, 2.06, 3, 4), confidence=0.98765)

    (found,) = decoded(Layout.of([block]))

    assert (found.box, found.confidence) == ((1, 2.1, 3, 4), 0.988)


def test_the_order_of_the_types_is_stored() -> None:
    assert BLOCK_TYPES[:6] == ("text", "title", "list", "table", "image", "equation")


@pytest.mark.parametrize("end", [PIECE, 3 * PIECE])
def test_of_too_many_blocks_the_last_become_one(monkeypatch: pytest.MonkeyPatch, end: int) -> None:
    monkeypatch.setattr(page_layout, "TEXT_MAX_CHARACTERS", 200)
    blocks = [Block("list", place, place + 90) for place in range(0, end, 100)]

    layout = Layout.of(blocks)
    found = decoded(layout)

    assert layout.is_cut
    assert max(map(len, layout.texts)) < 250
    assert found[0] == blocks[0]
    assert found[-1].type == "text"
    assert (found[-1].end, _gaps(found)) == (blocks[-1].end, {10})


def _gaps(blocks: Iterable[Block]) -> set[int]:
    return {after.start - before.end for before, after in pairwise(blocks)}
