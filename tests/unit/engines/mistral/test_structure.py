"""What is kept of an answer beside its text: blocks, tables, links, scores, header and footer."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.engines import page_layout, page_words
from ilios.engines.base import ImageFile, Options, Page, Part, Source
from ilios.engines.block_ranges import SHORT_CHARACTERS
from ilios.engines.detection import media_types
from ilios.engines.folded_text import folded
from ilios.engines.mistral import answer_json, answer_limits, responses
from ilios.engines.page_structure import BLOCK_TYPES, Block, Link, Table, Word, union
from ilios.engines.page_words import Words
from tests.mistral_server.pdf import Box, PageContent
from tests.mistral_server.rendering import Renderer
from tests.mistral_server.wire import OcrRequest

JPEG = "data:image/jpeg;base64," + base64.b64encode(b"\xff\xd8\xff picture").decode()
TEXT = """Chapter 1
# Herons
They stand and wait.
They wade too.
- grey heron
- night heron
bird | legs | feathers
heron | 2 | grey
$$e = mc^2$$
Figure 1 A heron
Note: seen in May
Signed: A. Heron
Page 7"""
BLOCKS = Options(include_blocks=True)

Read = Callable[..., Page]
Change = Callable[[list[dict[str, Any]]], Any]


def rendered(text: str, images: int = 0, **asked: Any) -> dict[str, Any]:
    """Return the stand-in's page for a text and images."""
    request = OcrRequest.model_validate(
        {"model": None, "document": {"file_id": "x"}, "include_blocks": True, **asked}
    )
    boxes = tuple(Box(100, 100 * number, 200, 100 * number + 50) for number in range(images))
    content = PageContent(text, (1000, 2000), boxes)
    return Renderer(request).page(0, content, [JPEG] * images)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Parse an answer of one page, which is the seventh of its document."""

    def read(page: dict[str, Any], options: Options = BLOCKS) -> Page:
        part = Part(Source(tmp_path / "source", media_types.PDF, "a.pdf"), (6,))
        raw = json.dumps({"pages": [page], "usage_info": {"pages_processed": 1}}).encode()
        (converted,) = responses.conversion(raw, part, options, "asked-for", tmp_path).pages
        return converted

    return read


def blocks(page: Page) -> list[Block]:
    assert page.layout is not None
    texts = page.layout.texts
    return [block for n, text in enumerate(texts) for block in page_layout.decode(text, n)]


def shown(page: Page, block: Block) -> str:
    return page.markdown[block.start : block.end] if block.text is None else block.text


def assert_ranges_hold_the_text(page: Page) -> list[Block]:
    """Blocks rise, do not overlap, and leave only white space between them."""
    found = blocks(page)
    place = 0
    for block in found:
        assert place <= block.start <= block.end
        assert not page.markdown[place : block.start].strip()
        assert block.text is None or block.start == block.end
        place = block.end
    assert not page.markdown[place:].strip()
    return found


def assert_blocks_are_the_text(page: Page) -> None:
    """Blocks are ranges that hold the text, and have the words of the Markdown and no others."""
    found = assert_ranges_hold_the_text(page)
    inside = Counter(word for block in found for word in shown(page, block).split())
    assert inside == Counter(page.markdown.split())


def test_blocks_are_ranges_of_the_text_with_their_types_and_places(read: Read) -> None:
    page = read(rendered(TEXT, confidence_scores_granularity="block"))

    assert_blocks_are_the_text(page)
    assert [(block.type, shown(page, block)) for block in blocks(page)] == [
        ("header", "Chapter 1"),
        ("title", "# Herons"),
        ("text", "They stand and wait.\nThey wade too."),
        ("list", "- grey heron\n- night heron"),
        ("table", "| bird | legs | feathers |\n| --- | --- | --- |\n| heron | 2 | grey |"),
        ("equation", "$$e = mc^2$$"),
        ("caption", "Figure 1 A heron"),
        ("aside_text", "Note: seen in May"),
        ("signature", "Signed: A. Heron"),
        ("footer", "Page 7"),
    ]
    title, table = blocks(page)[1], blocks(page)[4]
    assert (title.level, title.box, title.confidence) == (1, (0, 200, 1000, 400), 0.945)
    assert (table.table_id, table.box) == ("table-7-1", (0, 800, 1000, 1000))
    assert page.tables == (Table("table-7-1", table.start, table.end, "markdown", table.box),)


@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_tables_beside_the_text_are_put_into_it_and_known_by_their_range(
    read: Read, kind: Any
) -> None:
    page = read(rendered(TEXT, table_format=kind), replace(BLOCKS, table_format=kind))

    assert_blocks_are_the_text(page)
    (table,) = page.tables
    (block,) = [block for block in blocks(page) if block.type == "table"]
    assert (table.format, table.text, table.box) == (kind, None, block.box)
    assert (table.start, table.end, table.id) == (block.start, block.end, block.table_id)
    assert "heron" in page.markdown[table.start : table.end]


def test_a_table_that_the_text_does_not_name_has_a_text_of_its_own(read: Read) -> None:
    table = {"id": "t", "content": "<table><tr><td>1</td></tr></table>", "format": "html"}
    block = {"type": "table", "content": "[t](t)", "table_id": "t"}
    page = read({"index": 0, "markdown": "Text", "tables": [table], "blocks": [block]})

    assert page.tables == (Table("table-7-1", 4, 4, "html", text=table["content"]),)
    assert [(one.type, shown(page, one)) for one in blocks(page)] == [
        ("table", table["content"]),
        ("text", "Text"),
    ]


def test_a_table_is_the_content_of_one_block_however_many_name_it(read: Read) -> None:
    table = {"id": "t", "content": "| a |\n| - |", "format": "markdown"}
    block = {"type": "table", "content": "| b |", "table_id": "t"}

    page = read({"index": 0, "markdown": "[t](t)", "tables": [table], "blocks": [block] * 3})

    assert [(one.table_id, shown(page, one)) for one in blocks(page)] == [
        ("table-7-1", table["content"]),
        (None, "| b |"),
        (None, "| b |"),
    ]


def test_header_and_footer_that_are_taken_out_are_kept_beside_the_text(read: Read) -> None:
    page = read(rendered(TEXT, extract_header=True, extract_footer=True))

    assert (page.header, page.footer) == ("Chapter 1", "Page 7")
    assert "Chapter" not in page.markdown
    first, *_, last = blocks(page)
    assert (first.type, first.text, first.start, first.end) == ("header", "Chapter 1", 0, 0)
    assert (last.type, last.text) == ("footer", "Page 7")
    assert last.start == last.end == len(page.markdown)


def test_a_footer_that_the_text_repeats_is_not_taken_for_the_text(read: Read) -> None:
    page = read(rendered("7\nOn page 7\nstands\n7", extract_header=True, extract_footer=True))

    assert [(block.type, shown(page, block)) for block in blocks(page)] == [
        ("header", "7"),
        ("text", "On page 7\nstands"),
        ("footer", "7"),
    ]


def test_images_have_blocks_that_name_their_files_and_captions_beside_them(read: Read) -> None:
    provided = rendered("Some text", images=2, include_image_base64=True)
    provided["markdown"] += "\n\nFigure 2 Below"
    caption = {"type": "caption", "content": "Figure 2 Below"}
    provided["blocks"].append(caption)

    page = read(provided, replace(BLOCKS, include_images=True))

    assert_blocks_are_the_text(page)
    _, first, second, below = blocks(page)
    names = ["p7-img-0.jpeg", "p7-img-1.jpeg"]
    assert [first.image_name, second.image_name] == names
    assert shown(page, first) == "![p7-img-0.jpeg](p7-img-0.jpeg)"
    assert below.type == "caption"
    assert [(image.name, image.caption) for image in page.images] == [
        (names[0], None),
        (names[1], "Figure 2 Below"),
    ]


def test_images_that_are_not_kept_have_blocks_with_their_places(read: Read) -> None:
    page = read(rendered("Some text", images=1))

    text, image = blocks(page)
    assert (shown(page, text), page.markdown) == ("Some text", "Some text")
    assert (image.type, shown(page, image), image.image_name) == ("image", "", None)
    assert image.box == (0, 1000, 1000, 2000)


def reworded(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "content": one["content"].upper().replace("HERON", "stork")} for one in told]


def unknown(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "type": "UNKNOWN", "raw": {"type": "poem"}} for one in told]


CHANGES: dict[str, Change] = {
    "as it is": lambda told: told,
    "in other words": reworded,
    "backwards": lambda told: told[::-1],
    "two swapped": lambda told: [told[0], *told[2:0:-1], *told[3:]],
    "every second one": lambda told: told[::2],
    "none": lambda _told: [],
    "of unknown types": unknown,
    "without contents": lambda told: [{**one, "content": ""} for one in told],
    "no list": lambda _told: "blocks",
    "no objects": lambda _told: [None, 7, [], "text"],
}


@pytest.mark.parametrize("asked", [{}, {"table_format": "html"}])
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_the_provider_tells_the_words_of_blocks_are_those_of_the_text(
    read: Read, change: str, asked: dict[str, Any]
) -> None:
    provided = rendered(TEXT, **asked)
    as_it_is = read(provided)

    page = read({**provided, "blocks": CHANGES[change](provided["blocks"])})

    assert_blocks_are_the_text(page)
    assert page.markdown == as_it_is.markdown
    assert page.warnings == ()


PIECES = st.sampled_from(
    [
        "# Title",
        "Some text.",
        "- one\n- two",
        "1) a\n\n2) b",
        "| a | b |\n| - | - |\n| 1 | 2 |",
        "<table><tr><td>1</td></tr></table>",
        "```\ncode\n```",
        "![a](a.png)",
        "Text with [a link](https://example.org) in it",
        "ä\u0301 ﬁ ß",
        "\\# no title",
        "$$x$$",
        "***",
        "7",
    ]
)
TOLD = st.tuples(st.sampled_from([*BLOCK_TYPES, "UNKNOWN"]), PIECES | st.text(max_size=30))


@given(pieces=st.lists(PIECES, max_size=8), told=st.lists(TOLD, max_size=8))
def test_of_any_text_and_any_blocks_the_ranges_hold_every_word(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], told: list[tuple[str, str]]
) -> None:
    provided = {
        "index": 0,
        "markdown": "\n\n".join(pieces),
        "blocks": [{"type": kind, "content": content} for kind, content in told],
    }
    folder = tmp_path_factory.getbasetemp()
    part = Part(Source(folder / "source", media_types.PDF, "a.pdf"), (6,))
    raw = json.dumps({"pages": [provided]}).encode()

    (page,) = responses.conversion(raw, part, BLOCKS, "asked-for", folder).pages

    for block in assert_ranges_hold_the_text(page):
        assert block.text is None or not is_in(block.text, page.markdown)


def is_in(text: str, markdown: str) -> bool:
    """Return whether the words of a text that is not short stand in a page."""
    letters = folded(text)
    return len(letters) >= SHORT_CHARACTERS and letters in folded(markdown)


def test_blocks_that_share_a_part_of_the_text_are_one(read: Read) -> None:
    provided = rendered(TEXT)
    first, *rest = provided["blocks"]
    told = [{**one, "content": f"other words {n}"} for n, one in enumerate(rest[:3])]

    page = read({**provided, "blocks": [first, *told, *rest[4:]]})

    assert_blocks_are_the_text(page)
    shared, known = blocks(page)[1], blocks(read(provided))
    assert (shared.type, shared.start, shared.end) == ("text", known[1].start, known[4].end)
    assert shared.box == union([block.box for block in known[1:4] if block.box])


def test_words_that_blocks_repeat_are_in_one_of_them(read: Read) -> None:
    provided = rendered(TEXT)

    page = read({**provided, "blocks": [*provided["blocks"], *provided["blocks"][2:5]]})

    assert blocks(page) == blocks(read(provided))


def test_blocks_in_another_order_keep_their_places(read: Read) -> None:
    provided = rendered(TEXT)

    page = read({**provided, "blocks": provided["blocks"][::-1]})

    assert blocks(page) == blocks(read(provided))


def test_a_block_that_is_nowhere_in_the_text_has_a_text_of_its_own(read: Read) -> None:
    provided = rendered(TEXT)
    provided["blocks"].insert(3, {"type": "references", "content": "Brehm, 1891"})

    page = read(provided)

    found = blocks(page)
    assert (found[3].type, found[3].text, found[3].start) == ("references", "Brehm, 1891", 54)
    assert found[:3] + found[4:] == blocks(read(rendered(TEXT)))


@pytest.mark.parametrize(
    ("corners", "box"),
    [
        ((-5, -5, 50, 60), (0, 0, 50, 60)),
        ((900, 1900, 1100, 9999), (900, 1900, 1000, 2000)),
        ((1000, 0, 1200, 50), None),
        ((50, 0, 50, 60), None),
        ((60, 0, 50, 60), None),
        ((0, 0, float("nan"), 60), None),
        ((0, 0, 10**40, 60), None),
        (("0", None, [], {}), None),
    ],
)
def test_boxes_lie_in_the_page_or_are_none(
    read: Read, corners: tuple[Any, ...], box: tuple[float, ...] | None
) -> None:
    provided = rendered("Some text", images=1, include_image_base64=True)
    names = ("top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y")
    for one in (provided["blocks"][0], provided["images"][0]):
        one.update(zip(names, corners, strict=True))

    page = read(provided, replace(BLOCKS, include_images=True))

    assert blocks(page)[0].box == box
    assert page.images[0].bbox == box
    assert page.warnings == ()


ODD: list[Any] = [
    None,
    True,
    -1,
    2,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "text",
    [],
    {},
    [[]],
    [None],
]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_value_in_any_field_never_costs_the_page(read: Read, odd: Any) -> None:
    """Only the field itself may be missing: the text is what it is."""
    asked = {"table_format": "html", "include_image_base64": True}
    provided = rendered(TEXT, images=1, confidence_scores_granularity="word", **asked)
    provided["blocks"] = rendered(TEXT, confidence_scores_granularity="block")["blocks"]
    del provided["confidence_scores"]["word_confidence_scores"][2:]  # all are of one shape
    options = replace(BLOCKS, confidence="word", include_images=True)
    text = read(provided, options).markdown
    decides = {"markdown", "tables", "content", "id", "images", "image_base64"}

    def spoil(holder: Any) -> None:
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            value = holder[key]
            holder[key] = odd
            spoilt = read(provided, options)
            assert spoilt.markdown == text or key in decides or isinstance(holder, list)
            holder[key] = value
            if isinstance(value, dict | list):
                spoil(value)

    spoil(provided)


def test_ten_thousand_blocks_are_matched(read: Read) -> None:
    text = "\n\n".join(f"Paragraph {number} of many." for number in range(10_000))
    provided = {
        "index": 0,
        "markdown": text,
        "blocks": [{"type": "text", "content": part} for part in text.split("\n\n")],
    }

    page = read(provided)

    assert_blocks_are_the_text(page)
    assert len(blocks(page)) == 10_000


def test_of_more_blocks_than_are_kept_the_rest_is_one(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "PAGE_MAX_BLOCKS", 3)
    for told in (None, rendered(TEXT)["blocks"]):
        page = read({**rendered(TEXT), "blocks": told})
        assert [block.type for block in blocks(page)][2:] == ["text", "text"]
        assert_blocks_are_the_text(page)
        assert [warning.code for warning in page.warnings] == ["text_loss"]
    assert answer_limits.ANSWER_MAX_BLOCKS >= answer_limits.PAGE_MAX_BLOCKS


def test_the_blocks_of_all_pages_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "ANSWER_MAX_BLOCKS", 12)
    part = Part(Source(tmp_path / "source", media_types.PDF, "a.pdf"), (0, 1, 2))
    raw = json.dumps({"pages": [{**rendered(TEXT), "index": index} for index in range(3)]}).encode()

    pages = responses.conversion(raw, part, BLOCKS, "asked-for", tmp_path).pages

    assert [len(blocks(page)) for page in pages] == [10, 3, 1]
    assert [page.layout and page.layout.is_cut for page in pages] == [False, True, True]


def test_of_an_answer_of_too_many_values_the_text_is_read_without_blocks_and_scores(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TEXT + ' "blocks":[ \\'
    provided = rendered(text, confidence_scores_granularity="word", table_format="html")
    options = replace(BLOCKS, confidence="word", table_format="html")
    whole = read(provided, options)
    monkeypatch.setattr(answer_json, "ANSWER_MAX_VALUES", 100)

    page = read(provided, options)

    assert (page.markdown, page.confidence) == (whole.markdown, whole.confidence)
    assert_blocks_are_the_text(page)
    assert [block.box for block in blocks(page)] == [None] * len(blocks(page))
    assert page.words == Words(())
    assert [warning.code for warning in page.warnings] == ["text_loss"]


def test_a_page_has_no_blocks_unless_they_were_asked_for(read: Read) -> None:
    assert read(rendered(TEXT), Options()).layout is None
    assert read(rendered(TEXT), Options(confidence="word")).layout is None
    assert read(rendered(TEXT), Options(confidence="block")).layout is not None


@pytest.mark.parametrize(("said", "kept"), [(0.93, 0.93), (0, 0), (1, 1), (1.5, None), ("1", None)])
def test_the_confidence_of_a_page_is_the_average_that_the_provider_gives(
    read: Read, said: Any, kept: float | None
) -> None:
    scores = {"average_page_confidence_score": said, "minimum_page_confidence_score": 0.2}

    assert read({"index": 0, "markdown": "Text", "confidence_scores": scores}).confidence == kept


def test_words_are_kept_with_their_scores_those_of_tables_last(read: Read) -> None:
    text = "Chapter 1\none | two | three\n1 | 2 | 3\nand more"
    provided = rendered(text, table_format="markdown", confidence_scores_granularity="word")
    options = Options(confidence="word", table_format="markdown")

    words = read(provided, options).words

    assert words is not None
    kept = [word for part in words.texts for word in page_words.decode(part)]
    assert kept[:2] == [Word("Chapter", 0.99, None), Word("1", 0.9, None)]
    assert [word.text for word in kept[-5:]] == ["|", "2", "|", "3", "|"]
    assert [word.text for word in kept][3:5] == ["and", "more"]
    assert read(provided, Options(confidence="page")).words is None


def test_links_are_those_of_the_text_and_those_that_only_the_provider_knows(read: Read) -> None:
    text = "See [the paper](https://example.org/paper) and https://example.org/data."
    addresses = [
        "https://example.org/paper",
        "https://example.org/data",
        " https://example.org/data\0",
        "",
        None,
        7,
    ]

    page = read({"index": 0, "markdown": text, "hyperlinks": addresses})

    assert page.links == (
        Link("the paper", "https://example.org/paper"),
        Link(None, "https://example.org/data"),
    )


def test_tables_of_a_text_that_was_cut_end_with_it(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "DOCUMENT_MAX_BYTES", 20)
    tables = [{"id": name, "content": "x" * 30, "format": "html"} for name in ("a", "b")]

    page = read({"index": 0, "markdown": "1\n\n[a](a)\n\n[b](b)", "tables": tables})

    assert page.markdown == "1\n\n" + "x" * 17
    assert page.tables == (Table("table-7-1", 3, 20, "html"),)
    assert_blocks_are_the_text(page)


def test_an_image_has_a_caption_once(read: Read) -> None:
    told = [{"type": "image", "image_id": f"img-{n}.jpeg", "content": ""} for n in range(2)]
    caption = {"type": "caption", "content": "Figure 1 Between"}
    text = "![img-0.jpeg](img-0.jpeg)\n\nFigure 1 Between\n\n![img-1.jpeg](img-1.jpeg)"
    images = [{"id": one["image_id"], "image_base64": JPEG} for one in told]

    page = read(
        {"index": 0, "markdown": text, "images": images, "blocks": [told[0], caption, told[1]]},
        replace(BLOCKS, include_images=True),
    )

    captions = [image.caption for image in page.images]
    assert captions == ["Figure 1 Between", None]
    assert isinstance(page.images[0], ImageFile)
