"""Results as MinerU's content list."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from ilios.api.dialects.mineru.content_list import content_list
from ilios.api.services import EXTENSION, Services
from ilios.db.database import Database
from ilios.engines.base import Page
from ilios.engines.json_pieces import written
from tests.support import structured

Show = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def show(app: Flask, database: Database) -> Show:
    services: Services = app.extensions[EXTENSION]

    def entries(*pages: Page) -> list[dict[str, Any]]:
        document_id = structured.add_result(database, pages)
        found = services.reader.result(document_id, owner="anonymous")
        return list(json.loads("".join(written(content_list(found)))))

    return entries


def test_each_block_is_an_entry(show: Show) -> None:
    title, text, table, image = show(structured.page(0))

    assert title == {
        "type": "text",
        "text": "Herons 1",
        "text_level": 1,
        "page_idx": 0,
        "bbox": [121, 71, 303, 93],
    }
    assert (text["type"], text["text"]) == ("text", "They stand in shallow water and wait.")
    assert table["table_body"].startswith("<table>")
    assert "bbox" not in table  # where it stands is not known
    assert image["img_path"] == "images/page-1-image-1.png"
    assert image["image_caption"] == ["heron"]


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("- a\n- b", {"type": "list", "sub_type": "text", "list_items": ["a", "b"]}),
        ("```\nx = 1\n```", {"type": "code", "code_body": "x = 1", "code_caption": []}),
        ("$$x^2$$", {"type": "equation", "text": "x^2", "text_format": "latex"}),
        ("![](elsewhere.png)", {"type": "image", "img_path": "", "image_caption": []}),
    ],
)
def test_entries_have_the_fields_of_their_types(
    show: Show, markdown: str, expected: dict[str, Any]
) -> None:
    (entry,) = show(structured.plain_page(3, markdown))

    assert entry.items() >= {**expected, "page_idx": 3}.items()


def test_what_shows_nothing_has_no_entry(show: Show) -> None:
    assert show(structured.plain_page(0, "---\n\n<!-- note -->")) == []
