"""Parsing responses of the provider into pages."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ilios.core.conversion_errors import DocumentTooLarge, OutcomeUnknown
from ilios.engines.base import Conversion, Options, Part, Source, Usage
from ilios.engines.detection import media_types
from ilios.engines.mistral import answer_json, responses

PNG = base64.b64encode(b"\x89PNG picture").decode()

Read = Callable[..., Conversion]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Parse an answer to a call for the given pages of the document."""

    def read(
        answer: bytes | dict[str, Any],
        indexes: tuple[int, ...] | None = None,
        options: Options | None = None,
    ) -> Conversion:
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        part = Part(Source(tmp_path / "source", media_types.PDF, "a.pdf"), indexes)
        return responses.conversion(raw, part, options or Options(), "asked-for", tmp_path)

    return read


def page(index: int, markdown: str = "Text", **more: Any) -> dict[str, Any]:
    return {"index": index, "markdown": markdown, "images": [], "dimensions": None, **more}


def answer(*pages: dict[str, Any], **more: Any) -> dict[str, Any]:
    usage = {"pages_processed": len(pages), "doc_size_bytes": 1}
    return {"pages": list(pages), "model": "mistral-ocr-2512", "usage_info": usage, **more}


def image(image_id: str, url: str | None = f"data:image/png;base64,{PNG}") -> dict[str, Any]:
    corners = {"top_left_x": 1, "top_left_y": 2, "bottom_right_x": 3, "bottom_right_y": 4}
    return {"id": image_id, "image_base64": url, **corners}


def test_pages_are_in_order_with_their_index_in_the_document(read: Read) -> None:
    converted = read(answer(page(2, "c"), page(0, "a"), page(1, "b")), indexes=(6, 7, 11))

    assert [(page.index, page.markdown) for page in converted.pages] == [
        (6, "a"),
        (7, "b"),
        (11, "c"),
    ]


def test_without_a_plan_the_answer_determines_the_pages(read: Read) -> None:
    converted = read(answer(page(0), page(3)))

    assert [page.index for page in converted.pages] == [0, 3]


@pytest.mark.parametrize(
    "stray", [page(0, "again"), page(2), page(-1), {"markdown": "x"}, page(0) | {"index": "0"}, 7]
)
def test_pages_that_were_not_requested_are_dropped(read: Read, stray: Any) -> None:
    converted = read(answer(page(0, "first"), page(1), stray), indexes=(4, 5))

    assert [(page.index, page.markdown) for page in converted.pages] == [(4, "first"), (5, "Text")]


@pytest.mark.parametrize("index", [0.0, "0", " 0 ", "0.0", 0])
def test_an_index_is_read_however_it_is_written(read: Read, index: Any) -> None:
    (converted,) = read(answer(page(0) | {"index": index}), indexes=(6,)).pages

    assert (converted.index, converted.markdown, converted.warnings) == (6, "Text", ())


@pytest.mark.parametrize(
    "index", [None, "first", -1, 99, 10**30, 0.5, True, float("nan"), float("inf"), [], 0]
)
def test_a_page_without_a_usable_index_stands_by_its_place_with_a_warning(
    read: Read, index: Any
) -> None:
    said = answer(page(0, "a"), page(0, "b") | {"index": index}, page(2, "c"))

    pages = read(said, indexes=(6, 7, 8)).pages

    assert [(one.index, one.markdown) for one in pages] == [(6, "a"), (7, "b"), (8, "c")]
    assert [[warning.code for warning in one.warnings] for one in pages] == [
        [],
        ["low_confidence"],
        [],
    ]


def test_a_page_that_came_twice_is_not_taken_for_the_next_one(read: Read) -> None:
    assert [one.index for one in read(answer(page(0), page(0)), indexes=(6, 7)).pages] == [6]


@pytest.mark.parametrize("unreadable", [None, 7, "page", [], {"index": 1, "markdown": None}])
def test_what_cannot_be_read_of_a_page_is_a_warning_on_it(read: Read, unreadable: Any) -> None:
    said = {**answer(page(0), page(0)), "pages": [page(0), unreadable]}

    pages = read(said, indexes=(6, 7)).pages

    assert [(one.index, one.markdown) for one in pages] == [(6, "Text"), (7, "")]
    assert "text_loss" in {warning.code for warning in pages[1].warnings}


def test_of_more_pages_than_a_document_may_have_the_first_are_kept(read: Read) -> None:
    converted = read(answer(*(page(index) for index in range(1_001))))

    assert [one.index for one in converted.pages] == list(range(1_000))
    assert [warning.code for warning in converted.warnings] == ["text_loss"]
    assert len(read(answer(*(page(0) for _ in range(1_001))), indexes=(4,)).pages) == 1


def test_missing_pages_are_left_to_the_caller(read: Read) -> None:
    assert read(answer(), indexes=(0, 1)).pages == ()


def test_sizes_come_from_the_dimensions(read: Read) -> None:
    sizes = {"dpi": 200, "height": 2200, "width": 1700}
    with_sizes, without = read(answer(page(0, dimensions=sizes), page(1))).pages

    assert (with_sizes.width, with_sizes.height, with_sizes.dpi) == (1700, 2200, 200)
    assert (without.width, without.height, without.dpi) == (None, None, None)


@pytest.mark.parametrize(
    ("counted", "believed", "claimed"),
    [
        (1, 1, None),
        (2.0, 2, None),
        ("2", 2, None),
        (3, 2, 3),
        (1_000_000, 2, 1_000_000),
        (10**30, 2, 1_000_000),
        (1e300, 2, 1_000_000),
    ],
)
def test_the_provider_is_believed_up_to_the_pages_that_it_was_sent(
    read: Read, counted: Any, believed: int, claimed: int | None
) -> None:
    said = answer(page(0), page(1), usage_info={"pages_processed": counted})

    usage = read(said, indexes=(3, 4)).usage

    assert (usage.pages, usage.claimed_pages) == (believed, claimed)
    assert (usage.model, usage.asked_model) == ("mistral-ocr-2512", "asked-for")


def test_without_a_plan_the_provider_is_believed_up_to_the_pages_that_came(read: Read) -> None:
    said = answer(page(0), page(1), page(2), usage_info={"pages_processed": 8})

    usage = read(said).usage

    assert (usage.pages, usage.claimed_pages) == (3, 8)


def test_an_annotation_that_was_not_asked_for_costs_nothing(read: Read) -> None:
    assert read(answer(page(0), document_annotation="{}")).usage.pages == 1


def test_the_name_of_a_model_fits_into_its_column(read: Read) -> None:
    assert read({**answer(page(0)), "model": "m\0" * 500}).usage.model == "m" * 100


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"pages_processed": "three"},
        {"pages_processed": -1},
        {"pages_processed": None},
        {"pages_processed": float("nan")},
        {"pages_processed": float("inf")},
        {"pages_processed": 1.5},
    ],
)
def test_without_a_count_the_pages_are_counted(read: Read, usage: Any) -> None:
    counted = read({"pages": [page(0), page(1)], "usage_info": usage}).usage

    assert counted == Usage(2, "asked-for", asked_model="asked-for")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b'{"pages": [',
        b"<html>",
        b'"text"',
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b'{"model": "m"}',
        b'{"pages": {}}',
    ],
)
def test_an_answer_that_cannot_be_parsed_may_have_been_billed(read: Read, raw: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'\xef\xbb\xbf{"pages": [{"index": 0, "markdown": "Text"}]}',
        b'{"pages": [{"index": 0, "markdown": "Text"}]} and more',
        b'{"pages": [{"index": 0, "markdown": "Text", "n": %s}]}' % (b"9" * 5_000),
        b'{"pages": [{"index": 0, "markdown": "Te\x00x\x07t"}]}',
        b'{"pages": [{"index": 0, "markdown": "Text", "confidence": NaN}]}',
        '{"pages": [{"index": 0, "markdown": "Text"}]}'.encode("utf-16"),
    ],
)
def test_odd_json_that_can_be_read_is_used(read: Read, raw: bytes) -> None:
    assert [(one.index, one.markdown) for one in read(raw).pages] == [(0, "Text")]


def test_an_answer_of_endless_values_is_refused_before_it_fills_the_memory(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_json, "ANSWER_MAX_VALUES", 100)
    texts = 'a,b [c] {d} \\ "e"' * 100

    assert read(answer(page(0, texts))).pages[0].markdown == texts
    kinds: list[Any] = [[[]] * 200, ["x"] * 400, {str(key): key for key in range(200)}, [{}] * 200]
    for endless in kinds:
        with pytest.raises(DocumentTooLarge, match="and 100 are read"):
            read(answer(page(0), more=endless))


def test_a_byte_that_is_no_text_costs_itself_only(read: Read) -> None:
    raw = b'{"pages": [{"index": 0, "markdown": "T\xffxt"}]}'

    assert read(raw).pages[0].markdown == "T\ufffdxt"


def test_absurd_sizes_are_left_out(read: Read) -> None:
    sizes = {"dpi": 10**30, "height": 1e300, "width": float("nan")}
    (converted,) = read(answer(page(0, dimensions=sizes))).pages

    assert (converted.width, converted.height, converted.dpi) == (None, None, None)


def test_markdown_beyond_the_bounds_is_cut_between_characters_with_a_warning(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "PAGE_MAX_BYTES", 10)
    monkeypatch.setattr(responses, "DOCUMENT_MAX_BYTES", 17)

    pages = read(answer(page(0, "é" * 6), page(1, "a" * 11), page(2, "b"))).pages

    assert [one.markdown for one in pages] == ["é" * 5, "a" * 7, ""]
    assert {warning.code for one in pages for warning in one.warnings} == {"text_loss"}


def test_images_beyond_the_bound_are_left_out_with_a_warning(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "ANSWER_MAX_IMAGES", 3)
    two = [image("a.png"), image("b.png")]

    pages = read(
        answer(page(0, images=two), page(1, images=two)), options=Options(include_images=True)
    ).pages

    assert [len(one.images) for one in pages] == [2, 1]
    assert [[warning.code for warning in one.warnings] for one in pages] == [[], ["image_skipped"]]


def test_of_two_images_with_one_id_the_first_counts(read: Read, tmp_path: Path) -> None:
    twice = [image("a.png"), image("a.png", "data:image/gif;base64,R0lG")]
    (converted,) = read(answer(page(0, images=twice)), options=Options(include_images=True)).pages

    assert [file.media_type for file in converted.images] == [media_types.PNG]
    assert [path.name for path in tmp_path.iterdir()] == ["p1-a.png"]


def test_images_get_names_that_are_unique_in_the_document(read: Read, tmp_path: Path) -> None:
    text = "Before\n\n![img-0.jpeg](img-0.jpeg)\n\nAfter"
    (converted,) = read(
        answer(page(1, text, images=[image("img-0.jpeg")])),
        indexes=(8, 9),
        options=Options(include_images=True),
    ).pages

    assert converted.markdown == "Before\n\n![p10-img-0.jpeg](p10-img-0.jpeg)\n\nAfter"
    (file,) = converted.images
    assert (file.name, file.path, file.media_type) == (
        "p10-img-0.jpeg",
        tmp_path / "p10-img-0.jpeg",
        media_types.PNG,
    )
    assert file.path.read_bytes() == b"\x89PNG picture"
    assert file.bbox == (1, 2, 3, 4)


def test_names_of_images_stay_in_the_folder(read: Read, tmp_path: Path) -> None:
    ids = ["../../etc/passwd", "a b.png", "a_b.png", "ü" * 300]
    (converted,) = read(
        answer(page(0, images=[image(one) for one in ids])), options=Options(include_images=True)
    ).pages

    names = [file.name for file in converted.images]
    assert names[:3] == ["p1-.._.._etc_passwd", "p1-a_b.png", "p1-2-a_b.png"]
    assert len(set(names)) == len(ids)
    assert {file.path.parent for file in converted.images} == {tmp_path}


@pytest.mark.parametrize(
    "unwanted",
    [
        image("img-0.jpeg", None),
        image("img-0.jpeg", ""),
        image("img-0.jpeg", f"data:image/svg+xml;base64,{PNG}"),
        image("img-0.jpeg", "data:image/png;base64,x"),
        {"id": "img-0.jpeg"},
    ],
)
def test_placeholders_of_images_without_usable_bytes_are_removed(read: Read, unwanted: Any) -> None:
    text = "Before\n\n![img-0.jpeg](img-0.jpeg)\n\nAfter"
    (converted,) = read(
        answer(page(0, text, images=[unwanted])), options=Options(include_images=True)
    ).pages

    assert (converted.markdown, converted.images) == ("Before\n\nAfter", ())
    assert [warning.code for warning in converted.warnings] == ["image_skipped"]


def test_placeholders_of_images_that_were_not_requested_are_removed(
    read: Read, tmp_path: Path
) -> None:
    text = "![img-0.jpeg](img-0.jpeg) Figure 1"
    (converted,) = read(answer(page(0, text, images=[image("img-0.jpeg")]))).pages

    assert (converted.markdown, converted.images) == ("Figure 1", ())
    assert list(tmp_path.iterdir()) == []


def test_images_elsewhere_stay_in_the_text(read: Read) -> None:
    text = "![a logo](https://example.com/logo.png)"

    assert read(answer(page(0, text))).pages[0].markdown == text


@pytest.mark.parametrize("content", ["| a |\n| --- |\n| 1 |", "<table><tr><td>1</td></tr></table>"])
def test_tables_replace_their_placeholders(read: Read, content: str) -> None:
    text = "Before\n\n[tbl-0.html](tbl-0.html)\n\n[a link](https://example.com)"
    tables = [{"id": "tbl-0.html", "content": content, "format": "html"}]

    (converted,) = read(answer(page(0, text, tables=tables))).pages

    assert converted.markdown == f"Before\n\n{content}\n\n[a link](https://example.com)"


def test_a_table_that_a_text_names_again_and_again_stands_there_once(read: Read) -> None:
    tables = [{"id": "t", "content": "x" * 1_000, "format": "html"}]

    (converted,) = read(answer(page(0, "[t](t)" * 100, tables=tables))).pages

    assert converted.markdown == "x" * 1_000 + "[t](t)" * 99


def test_backslashes_of_a_table_stay_as_they_are(read: Read) -> None:
    tables = [{"id": "tbl-0.md", "content": r"| \1 \g<0> |", "format": "markdown"}]

    (converted,) = read(answer(page(0, "[tbl-0.md](tbl-0.md)", tables=tables))).pages

    assert converted.markdown == r"| \1 \g<0> |"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (page(0, " \n"), "The page is blank."),
        (
            page(0, "![img-0.jpeg](img-0.jpeg)"),
            "The page holds only an image in which no text was found.",
        ),
    ],
)
def test_a_page_without_text_is_warned_of(read: Read, fields: dict[str, Any], message: str) -> None:
    (converted,) = read(answer(fields), indexes=(4,)).pages

    (warning,) = converted.warnings
    assert (warning.code, warning.message, warning.page) == ("empty_page", message, 5)


def test_a_page_with_only_a_header_is_not_empty(read: Read) -> None:
    (converted,) = read(answer(page(0, "", header="Chapter 1", footer=None))).pages

    assert (converted.markdown, converted.warnings) == ("", ())


def test_lone_surrogates_become_replacement_characters(read: Read) -> None:
    raw = json.dumps(answer(page(0, "a \ud83d b \U0001f600"))).encode()

    assert read(raw).pages[0].markdown == "a \ufffd b \U0001f600"


def test_nul_and_other_controls_are_removed_from_text_and_tables(read: Read) -> None:
    tables = [{"id": "t", "content": "c\0d", "format": "html"}]

    (converted,) = read(answer(page(0, "a\0b\x1b\ufffe\n[t](t)", tables=tables))).pages

    assert converted.markdown == "ab\ncd"


def test_a_text_is_cut_before_it_is_looked_at(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "PAGE_MAX_BYTES", 40)

    (cut,) = read(answer(page(0, "![a](a)\0" * 20))).pages

    assert cut.markdown == ""
    assert "text_loss" in {warning.code for warning in cut.warnings}


def test_pages_that_are_counted_from_one_are_those_that_were_asked_for(read: Read) -> None:
    converted = read(answer(page(1, "a"), page(3, "c"), page(2, "b")), indexes=(4, 5, 9))

    assert [(page.index, page.markdown) for page in converted.pages] == [
        (4, "a"),
        (5, "b"),
        (9, "c"),
    ]
    assert {warning.code for warning in converted.warnings + converted.pages[0].warnings} == {
        "low_confidence"
    }
