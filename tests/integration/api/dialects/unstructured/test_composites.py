"""Results as Unstructured's chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from ilios.api.dialects.unstructured.composites import Cutting, composites
from ilios.api.dialects.unstructured.elements import ElementFields
from ilios.api.services import EXTENSION, Services
from ilios.db.database import Database
from tests.support import structured

Cut = Callable[..., list[dict[str, Any]]]
TEXT = "# One\n\nFirst.\n\n# Two\n\nSecond."


@pytest.fixture
def cut(app: Flask, database: Database) -> Cut:
    services: Services = app.extensions[EXTENSION]

    def chunks(*texts: str, **cutting: Any) -> list[dict[str, Any]]:
        pages = [structured.plain_page(number, text) for number, text in enumerate(texts)]
        document_id = structured.add_result(database, pages)
        found = services.reader.result(document_id, owner="anonymous")
        return list(composites(found, ElementFields(starting_page_number=3), Cutting(**cutting)))

    return chunks


def test_a_chunk_is_a_composite_element(cut: Cut) -> None:
    first, second = cut(TEXT)

    assert first["type"] == second["type"] == "CompositeElement"
    assert first["text"].split() == ["#", "One", "First."]
    assert first["metadata"]["page_number"] == 3
    assert first["metadata"]["languages"] == ["eng"]
    assert first["element_id"] != second["element_id"]


@pytest.mark.parametrize(
    ("cutting", "texts"),
    [
        ({"at_titles": True}, ["# One First.", "# Two Second. more"]),
        ({"at_titles": False}, ["# One First. # Two Second. more"]),
        ({"at_titles": False, "at_pages": True}, ["# One First. # Two Second.", "more"]),
        ({"at_titles": True, "at_pages": True}, ["# One First.", "# Two Second.", "more"]),
    ],
)
def test_chunks_begin_where_the_strategy_says(
    cut: Cut, cutting: dict[str, Any], texts: list[str]
) -> None:
    assert [" ".join(chunk["text"].split()) for chunk in cut(TEXT, "more", **cutting)] == texts


def test_no_chunk_is_longer_than_it_may_be(cut: Cut) -> None:
    found = cut("".join(f"Sentence {number} has words. " for number in range(100)), size=200)

    assert len(found) > 10
    assert all(len(chunk["text"]) <= 200 for chunk in found)
