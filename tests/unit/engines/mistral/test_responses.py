"""Parsing responses of the provider into pages."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ilios.core.conversion_errors import OutcomeUnknown
from ilios.engines.base import Conversion, Options, Part, Source, Usage
from ilios.engines.detection import media_types
from ilios.engines.mistral import responses

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


def test_missing_pages_are_left_to_the_caller(read: Read) -> None:
    assert read(answer(), indexes=(0, 1)).pages == ()


def test_sizes_come_from_the_dimensions(read: Read) -> None:
    sizes = {"dpi": 200, "height": 2200, "width": 1700}
    with_sizes, without = read(answer(page(0, dimensions=sizes), page(1))).pages

    assert (with_sizes.width, with_sizes.height, with_sizes.dpi) == (1700, 2200, 200)
    assert (without.width, without.height, without.dpi) == (None, None, None)


def test_usage_is_what_the_provider_counts(read: Read) -> None:
    counted = answer(page(0), usage_info={"pages_processed": 3}, document_annotation="{}")

    assert read(counted).usage == Usage(3, "mistral-ocr-2512", annotated=True)


@pytest.mark.parametrize("usage", [None, {}, {"pages_processed": "3"}, {"pages_processed": -1}])
def test_without_a_count_the_pages_are_counted(read: Read, usage: Any) -> None:
    counted = read({"pages": [page(0), page(1)], "usage_info": usage}).usage

    assert counted == Usage(2, "asked-for")


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
