"""The structure of a page as a parser child that lies might send it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ilios.core.conversion_errors import ParserCrashed
from ilios.engines import page_details, page_layout, page_text
from ilios.engines.base import ImageFile, Page
from ilios.engines.embedded import output_limits, page_receiver
from ilios.engines.embedded.page_receiver import PageReceiver, messages
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block, Line, Link, Table
from ilios.engines.parser_messages import Message
from tests.unit.engines.embedded.conftest import blocks_of
from tests.unit.engines.embedded.test_page_receiver import PAGE, image

TEXT = "# Herons\n\nThey wait.\n\n| a |\n| --- |\n\n![](a.png)"
BLOCK = [0, 8, 0]
BOXED = [0, 8, 0, None, [1, 2, 3, 4]]


@pytest.fixture
def receiver(tmp_path: Path) -> PageReceiver:
    receiver = PageReceiver(tmp_path)
    receiver.take({"type": "counts", "selected": 3})
    return receiver


def structured(folder: Path, index: int = 0) -> Page:
    name, path, media_type, _ = image(folder, f"{index}.png")
    line = Line(10, 20, (10, 30, 90, 40), 0.875)
    table_id = f"table-{index + 1}-1"
    blocks = (
        Block("title", 0, 8, level=1, box=(10, 10, 50, 20.5)),
        Block("text", 10, 20, box=(10, 30, 90, 40), confidence=0.875, lines=(line,)),
        Block("table", 22, 35, table_id=table_id),
        Block("image", 37, 47, image_name=name),
    )
    return Page(
        index,
        TEXT,
        100.0,
        200.0,
        images=(ImageFile(name, Path(path), media_type, caption="Figure 1"),),
        confidence=0.9,
        links=(Link("wait", "https://example.org"), Link(None, "#a")),
        tables=(Table(table_id, 22, 35, "markdown", (10, 50, 90, 70)),),
        turns=3,
        layout=Layout.of(blocks),
    )


@pytest.mark.parametrize("held", [0, 10, 1_000_000])
@pytest.mark.parametrize("piece", [10, 1_000])
def test_structure_comes_as_it_was_sent_in_memory_or_in_a_file(
    receiver: PageReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int, piece: int
) -> None:
    monkeypatch.setattr(page_text, "PIECE_MAX_CHARACTERS", piece)
    monkeypatch.setattr(page_receiver, "HELD_MAX_CHARACTERS", held)
    sent = [structured(tmp_path, index) for index in range(2)] + [Page(2, "", layout=Layout())]

    for message in (message for page in sent for message in messages(page_details.bounded(page))):
        receiver.take(message)

    for came, page in zip(receiver.pages, sent, strict=True):
        assert blocks_of(came) == blocks_of(page)
        assert (came.links, came.tables, came.turns) == (page.links, page.tables, page.turns)
        assert (came.images, came.confidence) == (page.images, page.confidence)
    layouts = [page.layout for page in receiver.pages if page.layout is not None]
    assert sum(one.characters for one in layouts if isinstance(one.texts, tuple)) <= held


def test_a_page_without_blocks_is_told_from_one_of_which_none_were_made(
    receiver: PageReceiver,
) -> None:
    for message in (*messages(Page(0, "")), *messages(Page(1, "", layout=Layout()))):
        receiver.take(message)

    assert [page.layout is None for page in receiver.pages] == [True, False]


def sent(receiver: PageReceiver, layout: Any = None, details: Any = None, **page: Any) -> Page:
    for kind, content in (("layout", layout), ("details", details)):
        if content is not None:
            text = content if isinstance(content, str) else json.dumps(content)
            receiver.take({"type": kind, "text": text})
    receiver.take({**PAGE, "text": TEXT, "width": 100, "height": 200, **page})
    return receiver.pages[-1]


@pytest.mark.parametrize(
    "blocks",
    [
        [[0]],
        [[0, "8", 0]],
        [[0.0, 8, 0]],
        [[-1, 8, 0]],
        [[0, 8, 0], [-1, 3, 0]],
        [[0, 0, 0]],
        [[0, 1_000, 0]],
        [[0, 8, 99]],
        [[0, 8, "text"]],
        [[0, 8, 1, 7]],
        [[0, 8, 1, 1.5]],
        [[0, 8, 0, None, [1, 2, 3]]],
        [[0, 8, 0, None, ["1", 2, 3, 4]]],
        [[0, 8, 0, None, [1, 2, 3, float("nan")]]],
        [[0, 8, 0, None, [1, 2, 3, True]]],
        [[0, 8, 0, None, None, 1_001]],
        [[0, 8, 0, None, None, -1]],
        [[0, 8, 0, None, None, float("nan")]],
        [[0, 8, 4, None, None, None, None, "b.png"]],
        [[0, 8, 4, None, None, None, None, ["b.png"]]],
        [[0, 8, 11, None, None, None, None, None, "a header of its own"]],
        [[0, 8, 0, None, None, None, None, None, None, [[0, 9, [1, 2, 3, 4]]]]],
        [
            [
                0,
                8,
                0,
                None,
                None,
                None,
                None,
                None,
                None,
                [[4, 2, [1, 2, 3, 4]], [-1, 2, [1, 2, 3, 4]]],
            ]
        ],
        [[0, 8, 0, None, None, None, None, None, None, [[0, 2, [1, 2, 3, 4], 2_000]]]],
        [[0, 8, 0, None, None, None, None, None, None, [[0, 2]]]],
        [[0, 8, 0, None, None, None, None, None, None, None, "more"]],
        7,
        [7],
        "not",
    ],
)
def test_blocks_that_no_reader_makes_are_refused(receiver: PageReceiver, blocks: Any) -> None:
    text = json.dumps([1, *blocks]) if isinstance(blocks, list) else json.dumps(blocks)

    with pytest.raises(ParserCrashed, match="no answer"):
        sent(receiver, text)


@pytest.mark.parametrize(
    "details",
    [
        [],
        {"header": "x"},
        {"footer": "x"},
        {"turns": 4},
        {"turns": "1"},
        {"links": [["a"]]},
        {"links": [["a", 7]]},
        {"links": [[7, "a"]]},
        {"links": [["a", None]]},
        {"links": [["a", "b"]] * (output_limits.LINKS_MAX_COUNT + 1)},
        {"tables": [["table-1-1", 0, 100, "markdown"]]},
        {"tables": [["table-1-1", 9, 8, "markdown"]]},
        {"tables": [["table-1-1", 0, 8, "csv"]]},
        {"tables": [["../etc", 0, 8, "html"]]},
        {"tables": [["table-1-1", 0, 8, "html"], ["table-1-1", 9, 10, "html"]]},
        {"tables": [["table-1-1", 0, 8, "html", None, "text of its own"]]},
        {"images": {"b.png": ["x"]}},
        "[" * 100_000,
        "{",
    ],
    ids=lambda details: str(details)[:40],
)
def test_details_that_no_reader_makes_are_refused(receiver: PageReceiver, details: Any) -> None:
    with pytest.raises(ParserCrashed, match="no answer"):
        sent(receiver, [1, BLOCK], details)


@pytest.mark.parametrize("told", [["x", "{}"], [7], ["x", None, 7]])
def test_what_is_told_of_an_image_is_a_caption(
    receiver: PageReceiver, tmp_path: Path, told: list[Any]
) -> None:
    with pytest.raises(ParserCrashed, match="no answer"):
        sent(receiver, [1, BLOCK], {"images": {"a.png": told}}, images=[image(tmp_path)])


@pytest.mark.parametrize("page", [{"confidence": 1.1}, {"confidence": "1"}, {"confidence": True}])
def test_a_page_that_no_reader_makes_is_refused(receiver: PageReceiver, page: Message) -> None:
    with pytest.raises(ParserCrashed, match="no answer"):
        sent(receiver, [1, BLOCK], **page)


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ([-5, 10, 50, 20], (0, 10, 50, 20)),
        ([90, 190, 500, 1e300], (90, 190, 100, 200)),
        ([100, 10, 120, 20], None),
        ([50, 20, 10, 10], None),
    ],
)
def test_boxes_are_cut_to_their_page(receiver: PageReceiver, box: Any, kept: Any) -> None:
    line = [[0, 4, box, 500]]

    page = sent(receiver, [1, [0, 8, 0, None, box, None, None, None, None, line]])

    (block,) = blocks_of(page)
    assert block.box == kept
    assert [line.box for line in block.lines] == ([kept] if kept else [])


def test_a_page_without_a_size_has_no_boxes(receiver: PageReceiver) -> None:
    (block,) = blocks_of(sent(receiver, [1, BOXED], width=None))

    assert block.box is None


def test_a_table_that_was_left_out_is_not_named(receiver: PageReceiver) -> None:
    (block,) = blocks_of(sent(receiver, [1, [0, 8, 3, None, None, None, "table-1-1"]]))

    assert block.table_id is None


def test_lone_surrogates_and_nul_become_what_a_database_stores(
    receiver: PageReceiver, tmp_path: Path
) -> None:
    details = {"links": [["\ud800\0", "a\udfff"]], "images": {"a.png": ["\0\ud800"]}}

    page = sent(receiver, [1, BLOCK], details, images=[image(tmp_path)])

    assert page.links == (Link("\ufffd\ufffd", "a\ufffd"),)
    assert page.images[0].caption == "\ufffd\ufffd"


@pytest.mark.parametrize(
    ("bound", "value", "layout", "details"),
    [
        ("BLOCKS_MAX_COUNT", 1, [1, [0, 8, 0], [2, 4, 0]], None),
        ("LINES_MAX_COUNT", 0, [1, [*BOXED, None, None, None, None, [[0, 8, [1, 2, 3, 4]]]]], None),
        ("DETAILS_MAX_CHARACTERS", 10, None, {"links": [["a", "b"]]}),
    ],
)
def test_more_than_a_child_sends_is_refused(
    receiver: PageReceiver,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
    value: int,
    layout: Any,
    details: Any,
) -> None:
    monkeypatch.setattr(output_limits, bound, value)

    with pytest.raises(ParserCrashed, match="no answer"):
        sent(receiver, layout, details)


def test_details_beyond_their_size_are_refused_as_they_come(
    receiver: PageReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_details, "TEXT_MAX_CHARACTERS", 10)

    receiver.take({"type": "details", "text": "x" * 10})
    with pytest.raises(ParserCrashed, match="no answer"):
        receiver.take({"type": "details", "text": "x"})


def test_the_last_of_too_many_blocks_are_one(
    receiver: PageReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_layout, "TEXT_MAX_CHARACTERS", 14)

    page = sent(receiver, [1, [0, 8, 0], [2, 10, 0], [2, 13, 0]])

    assert [(block.start, block.end) for block in blocks_of(page)] == [(0, 8), (10, 35)]
