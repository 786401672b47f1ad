"""Results as Unstructured's elements."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from ilios.api.dialects.unstructured.elements import ElementFields, Elements
from ilios.api.services import EXTENSION, Services
from ilios.db.database import Database
from ilios.engines.base import Page
from ilios.engines.json_pieces import written
from tests.support import structured
from tests.support.api_callers import Caller, file
from tests.support.api_working import IMAGE, InTestWorker

Show = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def show(app: Flask, database: Database) -> Show:
    services: Services = app.extensions[EXTENSION]

    def elements(*pages: Page, **shape: Any) -> list[dict[str, Any]]:
        document_id = structured.add_result(database, pages)
        found = services.reader.result(document_id, owner="anonymous")
        return list(json.loads("".join(written(iter(Elements(found, ElementFields(**shape)))))))

    return elements


def test_each_block_is_an_element(show: Show) -> None:
    title, text, table, image = show(structured.page(0))

    assert [one["type"] for one in (title, text, table, image)] == [
        "Title",
        "NarrativeText",
        "Table",
        "Image",
    ]
    assert title["text"] == "Herons 1"
    assert title["metadata"]["category_depth"] == 0
    assert title["metadata"]["languages"] == ["eng"]
    assert title["metadata"]["page_number"] == 1
    assert "parent_id" not in title["metadata"]
    assert text["metadata"]["parent_id"] == title["element_id"]
    assert table["text"] == "bird legs\nheron 2"
    assert table["metadata"]["text_as_html"].startswith("<table>")
    assert image["text"] == "heron"
    assert len({one["element_id"] for one in (title, text, table, image)}) == 4
    assert all("coordinates" not in one["metadata"] for one in (title, text, table, image))


def test_coordinates_come_when_they_are_asked_for(show: Show) -> None:
    title, _, table, _ = show(structured.page(0), coordinates=True)

    assert title["metadata"]["coordinates"] == {
        "points": [[72, 60], [72, 78], [180.5, 78], [180.5, 60]],
        "system": "PixelSpace",
        "layout_width": 595.3,
        "layout_height": 841.9,
    }
    assert "coordinates" not in table["metadata"]  # where it stands is not known


def test_pages_are_counted_from_the_number_that_a_part_begins_with(show: Show) -> None:
    pages = [structured.plain_page(number) for number in range(2)]

    found = show(*pages, starting_page_number=7, page_breaks=True)

    assert [(one["type"], one["metadata"]["page_number"]) for one in found] == [
        ("NarrativeText", 7),
        ("PageBreak", 8),
        ("NarrativeText", 8),
    ]


def test_ids_stay_the_same_unless_they_are_to_be_unique(show: Show) -> None:
    page = structured.page(0)

    def ids(**shape: Any) -> set[str]:
        return {one["element_id"] for one in show(page, **shape)}

    assert ids() == ids()
    assert ids(unique_ids=True).isdisjoint(ids(unique_ids=True))


def test_titles_are_parents_of_what_stands_below_them(show: Show) -> None:
    markdown = "# One\n\n## Two\n\ntext\n\n- item\n\n# Three\n\nlast"

    one, two, text, item, three, last = show(structured.plain_page(0, markdown))

    assert item["type"] == "ListItem"
    parents = [found["metadata"].get("parent_id") for found in (one, two, text, item, three, last)]
    top, below = one["element_id"], two["element_id"]
    assert parents == [None, top, below, below, None, three["element_id"]]


def test_what_shows_nothing_is_no_element(show: Show) -> None:
    assert show(structured.plain_page(0, "---\n\n<!-- note -->\n\n![](missing.png)")) == []


def test_a_picture_is_told_by_its_caption(show: Show) -> None:
    page = structured.page(0)
    bare = replace(page, markdown="![](page-1-image-1.png)", layout=None)

    (image,) = show(bare)

    assert image["text"] == "Figure 1"


def test_pictures_come_when_they_are_asked_for(anna: Caller, worker: InTestWorker) -> None:
    with worker.running():
        answer = anna.post(
            "/general/v0/general",
            {
                "files": file(b"![a figure](figure.png)", "figure.txt"),
                "extract_image_block_types[]": "Image",
            },
        )

    (image,) = answer.get_json()
    assert image["text"] == "a figure"
    assert image["metadata"]["image_mime_type"] == "image/png"
    assert b64decode(image["metadata"]["image_base64"]) == IMAGE
